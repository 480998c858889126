// `${{ }}` in a workflow, by GitHub's own evaluator.

import { Evaluator, Lexer, Parser, data } from '@actions/expressions';

/** Plain data by context name: `github`, `env`, `steps` … Names in them are found in any case. */
export type Contexts = Readonly<Record<string, unknown>>;

export interface Scope {
  contexts: Contexts;
  /** of the job so far, or of the composite action around; for success() and its like */
  status?: 'success' | 'failure' | 'cancelled';
}

const STATUS = ['success', 'failure', 'cancelled', 'always'];
type Call = (...args: data.ExpressionData[]) => data.ExpressionData;

/** A text with `${{ }}` in it; one that is nothing but an expression keeps its type. */
export function evaluate(template: unknown, scope: Scope): unknown {
  if (typeof template !== 'string' || !template.includes('${{')) return template;
  const parts = splitTemplate(template);
  const [only] = parts;
  if (parts.length === 1 && only?.isExpression === true) return toPlain(run(only.text, scope));
  return parts
    .map(({ isExpression, text }) => (isExpression ? run(text, scope).coerceString() : text))
    .join('');
}

export function evaluateText(template: unknown, scope: Scope): string {
  return toText(evaluate(template, scope));
}

/** An `if:`. Without one of the four functions on the status it also asks for success, as GitHub does. */
export function evaluateCondition(condition: unknown, scope: Scope): boolean {
  if (condition === undefined || condition === null || condition === '') condition = 'success()';
  if (typeof condition !== 'string') condition = JSON.stringify(condition);
  const source = toExpression(condition as string);
  const tokens = new Lexer(source).lex().tokens.map(({ lexeme }) => lexeme.toLowerCase());
  const asks = tokens.some((token, i) => STATUS.includes(token) && tokens[i + 1] === '(');
  const text = asks ? source : `success() && (${source})`;
  return isTruthy(run(text, scope));
}

/** `a ${{ b }}` as a condition is a text, and so true: a well-known trap that is kept. */
function toExpression(condition: string): string {
  if (!condition.includes('${{')) return condition;
  const parts = splitTemplate(condition.trim());
  if (parts.length === 1 && parts[0]?.isExpression === true) return parts[0].text;
  const values = parts.flatMap(({ isExpression, text }) => (isExpression ? [text] : []));
  let at = 0;
  const format = parts
    .map(({ isExpression, text }) =>
      isExpression ? `{${at++}}` : text.replace(/[{}]/g, '$&$&').replaceAll("'", "''"),
    )
    .join('');
  return `format('${format}', ${values.join(', ')})`;
}

interface Part {
  isExpression: boolean;
  text: string;
}

/** An expression ends at the first `}}` outside of its quoted texts. */
function splitTemplate(template: string): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (let start = template.indexOf('${{'); start >= 0; start = template.indexOf('${{', at)) {
    if (start > at) parts.push({ isExpression: false, text: template.slice(at, start) });
    let end = start + 3;
    for (let isQuoted = false; isQuoted || !template.startsWith('}}', end); end++) {
      if (end >= template.length)
        throw new Error(`The expression is not closed: ${template.slice(start)}`);
      if (template[end] === "'") isQuoted = !isQuoted;
    }
    parts.push({ isExpression: true, text: template.slice(start + 3, end).trim() });
    at = end + 2;
  }
  if (at < template.length) parts.push({ isExpression: false, text: template.slice(at) });
  return parts;
}

function run(text: string, scope: Scope): data.ExpressionData {
  const functions = functionsOf(scope);
  const infos = [...functions].map(([name]) => ({ name, minArgs: 0, maxArgs: 255 }));
  const known = Object.keys(scope.contexts);
  const tree = new Parser(new Lexer(text).lex().tokens, known, infos).parse();
  const calls = new Map(
    infos.map((info) => [info.name, { ...info, call: functions.get(info.name) as Call }]),
  );
  return new Evaluator(tree, toData(scope.contexts) as data.Dictionary, calls).evaluate();
}

/** `hashFiles` is not there: what needs it fails with a message that says so. */
function functionsOf({ status }: Scope): Map<string, Call> {
  if (status === undefined) return new Map();
  return new Map(
    STATUS.map((name) => [name, () => new data.BooleanData(name === 'always' || name === status)]),
  );
}

export function toData(value: unknown): data.ExpressionData {
  const text = JSON.stringify(value ?? null);
  return JSON.parse(text, data.reviver) as data.ExpressionData;
}

function toPlain(value: data.ExpressionData): unknown {
  return JSON.parse(JSON.stringify(value, data.replacer)) as unknown;
}

/** As GitHub writes a value into a text. */
export function toText(value: unknown): string {
  return toData(value).coerceString();
}

function isTruthy(value: data.ExpressionData): boolean {
  const plain = toPlain(value);
  return typeof plain === 'object' && plain !== null ? true : Boolean(plain);
}
