// What a session comes to, in a word and in a sentence. Invariant: a log that does not say how the session ended never
// comes to `clean`.

import type { SessionReport } from './session-report.ts';

export type Verdict = 'clean' | 'denied' | 'failed';

/** Ends that are nobody's fault: the command's own, somebody's wish, the policy's limit of denials. */
const ORDERLY = new Set(['finished', 'stopped', 'denials']);

export function verdictOf(report: SessionReport): Verdict {
  if (faultOf(report) !== undefined) return 'failed';
  return report.denied > 0 ? 'denied' : 'clean';
}

export interface Fault {
  /** one sentence without a text of the log's */
  text: string;
  /** what the log says of it; '' where it says nothing more */
  detail: string;
}

/** Why the session counts as failed; undefined where it does not. */
export function faultOf({ verification, end, gaps }: SessionReport): Fault | undefined {
  const { status, message } = verification;
  if (status === 'tampered')
    return { text: 'The log was changed after it was written.', detail: message };
  if (status === 'incomplete')
    return {
      text: 'The log is incomplete: the session is still running, or it was killed.',
      detail: message,
    };
  if (end === undefined) return { text: 'The log has no end.', detail: '' };
  if (end.reason === 'timeout')
    return { text: 'The session ran into its time limit.', detail: end.detail };
  if (!ORDERLY.has(end.reason))
    return {
      text: 'The session ended by a fault.',
      detail: [end.reason, end.detail].filter((part) => part !== '').join(': '),
    };
  if (gaps.count > 0) return { text: 'The log says itself that records are missing.', detail: '' };
  return undefined;
}

/** The verdict as a heading of few words. */
export function titleOf(report: SessionReport): string {
  const { denied, audited } = report;
  switch (verdictOf(report)) {
    case 'failed':
      return denied > 0 ? `Failed, and ${requests(denied)} denied` : 'Failed';
    case 'denied':
      return `${requests(denied)} denied`;
    case 'clean':
      return audited > 0 ? `${requests(audited)} would have been denied` : 'Nothing was denied';
  }
}

/** What happened, in one to three sentences, without a text of the guest's. */
export function sentenceOf({ denied, audited, allowed, denials }: SessionReport): string {
  const sentences: string[] = [];
  const rules = (enforced: boolean): string => {
    const count = denials.filter((one) => one.enforced === enforced).length;
    return count === 1 ? 'One rule' : `${formatCount(count)} rules`;
  };
  if (denied > 0) sentences.push(`${rules(true)} refused ${requests(denied)}.`);
  if (audited > 0)
    sentences.push(
      `${rules(false)} would have refused ${requests(audited)}, which audit mode let through.`,
    );
  sentences.push(`${requests(allowed)} ${allowed === 1 ? 'was' : 'were'} allowed.`);
  return sentences.join(' ');
}

export function requests(count: number): string {
  return count === 1 ? '1 request' : `${formatCount(count)} requests`;
}

/** `1234567` as `1,234,567`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}
