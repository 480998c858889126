// All that the fake GitHub remembers.

import { createHash, randomBytes } from 'node:crypto';

import type { Token } from './call.ts';
import type {
  CheckRun,
  FakeGitHub,
  FakeGitHubOptions,
  FakePull,
  FakeRepository,
  StoredArtifact,
} from './types.ts';

export interface Repository {
  id: number;
  name: string;
  isPrivate: boolean;
  defaultBranch: string;
  /** ref as it was given → files */
  refs: ReadonlyMap<string, ReadonlyMap<string, string>>;
  pulls: readonly FakePull[];
  variables: Readonly<Record<string, string>>;
}

export interface State {
  url: string;
  /** of the request at hand */
  path: string;
  appId: number;
  appSlug: string;
  now: () => number;
  repositories: Map<string, Repository>;
  tokens: Map<string, Token>;
  checkRuns: CheckRun[];
  artifacts: StoredArtifact[];
  caches: FakeGitHub['caches'];
  sarifs: FakeGitHub['sarifs'];
  comments: FakeGitHub['comments'];
  /** workflow runs, by id */
  runs: FakeGitHub['runs'];
  /** content of uploads that go on, by their URL's path */
  blobs: Map<string, { blocks: Map<string, Buffer>; content?: Buffer }>;
  nextId: () => number;
}

export function createState(options: FakeGitHubOptions): State {
  let id = 1000;
  const given = options.repositories ?? [{ name: 'acme/app' }];
  return {
    url: '',
    path: '',
    appId: options.app?.id ?? 15368,
    appSlug: options.app?.slug ?? 'github-actions',
    now: options.now ?? Date.now,
    repositories: new Map(given.map((one, i) => [one.name, toRepository(one, i)])),
    tokens: new Map(),
    checkRuns: [],
    artifacts: [],
    caches: new Map(),
    sarifs: [],
    comments: [],
    runs: new Map(),
    blobs: new Map(),
    nextId: () => ++id,
  };
}

function toRepository(given: FakeRepository, place: number): Repository {
  const { name, defaultBranch = 'main', refs = { [defaultBranch]: {} } } = given;
  return {
    name,
    // The first is the one whose id a test runner's event has by itself.
    id: given.id ?? 456789 + place,
    isPrivate: given.isPrivate ?? false,
    defaultBranch,
    refs: new Map(
      Object.entries(refs).map(([ref, files]) => [ref, new Map(Object.entries(files))]),
    ),
    pulls: given.pulls ?? [],
    variables: given.variables ?? {},
  };
}

/** The files at a branch, tag, full ref or SHA; of the default branch where nothing is named. */
export function filesAt(
  repository: Repository,
  ref: string | null | undefined,
): ReadonlyMap<string, string> | undefined {
  const wanted = (ref || repository.defaultBranch).replace(/^refs\/(heads|tags)\//, '');
  const direct = repository.refs.get(wanted);
  if (direct !== undefined) return direct;
  const branch = [...repository.refs.keys()].find((name) => shaOf(repository, name) === wanted);
  return branch === undefined ? undefined : repository.refs.get(branch);
}

/** Of the commit that a ref is at; a ref that looks like one is it. */
export function shaOf(repository: Repository, ref: string): string {
  if (/^[0-9a-f]{40}$/.test(ref)) return ref;
  const files = repository.refs.get(ref.replace(/^refs\/(heads|tags)\//, '')) ?? new Map();
  return createHash('sha1')
    .update(JSON.stringify([repository.name, ref, ...files]))
    .digest('hex');
}

/** As git names the content of a file. */
export function blobSha(text: string): string {
  const bytes = Buffer.from(text);
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

export function addToken(state: State, token: Token): string {
  const text = `ghs_${randomBytes(27).toString('base64url').replace(/[-_]/g, 'x')}`;
  state.tokens.set(text, token);
  return text;
}
