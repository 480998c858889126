// What the fake GitHub is given and what it hands back.

export type Permissions = Readonly<Record<string, string>>;

export interface FakeGitHubOptions {
  /** the repositories there are; default `acme/app`, public, with an empty `main` */
  repositories?: readonly FakeRepository[];
  /** one App, as GITHUB_TOKEN is of one; default 15368 with slug `github-actions` */
  app?: { id: number; slug: string };
  /** who a job's OIDC tokens speak of; over the usual claims */
  claims?: Readonly<Record<string, unknown>>;
  /** false: none of the services that artifacts need, as on GHES */
  hasArtifacts?: boolean;
  /** milliseconds since the epoch */
  now?: () => number;
}

export interface FakeRepository {
  /** `owner/name` */
  name: string;
  /** default 1, 2, … by place */
  id?: number;
  isPrivate?: boolean;
  /** default `main` */
  defaultBranch?: string;
  /** branch, tag or SHA → path → text */
  refs?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  pulls?: readonly FakePull[];
  variables?: Readonly<Record<string, string>>;
}

export interface FakePull {
  number: number;
  /** branch or SHA of `refs` */
  head: string;
  base: string;
  /** `owner/name` where the head lies in a fork */
  headRepository?: string;
  author?: string;
}

/** A request as it came, with what its token may do. */
export interface SeenRequest {
  method: string;
  /** with the query */
  path: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: string;
  /** of the token it carried; undefined without or with an unknown one */
  permissions: Permissions | undefined;
  status: number;
}

export interface FaultRule {
  method?: string;
  /** against the path without the query; a text must be in it */
  path: string | RegExp;
  /** how often; default always */
  times?: number;
  /** requests that pass first; default 0 */
  after?: number;
  /** what happens: an answer, no answer, or a connection that ends */
  answer:
    | { status: number; headers?: Readonly<Record<string, string>>; body?: unknown }
    | 'hang'
    | 'drop';
}

export interface CheckRun {
  id: number;
  repository: string;
  name: string;
  headSha: string;
  status: string;
  conclusion: string | null;
  externalId: string | null;
  detailsUrl: string | null;
  output: { title: string | null; summary: string | null; text: string | null };
  annotations: CheckAnnotation[];
  htmlUrl: string;
  /** the App that made it, and alone may change it */
  appId: number;
  /** requests that made and changed it */
  writes: number;
}

export interface CheckAnnotation {
  path: string;
  start_line: number;
  end_line: number;
  annotation_level: 'notice' | 'warning' | 'failure';
  message: string;
  title?: string | null;
  raw_details?: string | null;
}

export interface StoredArtifact {
  id: number;
  runId: string;
  name: string;
  size: number;
  /** `sha256:HEX` */
  digest: string;
  mimeType: string | undefined;
  expiresAt: string | undefined;
  /** a zip, unless it was uploaded as a single file */
  content: Buffer;
}

export interface FakeGitHub {
  apiUrl: string;
  serverUrl: string;
  resultsUrl: string;
  idTokenUrl: string;
  /** an installation token: `{checks: 'write'}`; `metadata: read` is always in it */
  token(permissions: Permissions, options?: { repository?: string; appId?: number }): string;
  /** `claims`: of the job's identity tokens, over the usual ones */
  runtimeToken(job: {
    runId: string;
    jobId: string;
    permissions: Permissions;
    claims?: Readonly<Record<string, unknown>>;
  }): string;
  checkRuns: CheckRun[];
  artifacts: StoredArtifact[];
  /** of the Actions cache */
  caches: Map<string, { key: string; version: string; content: Buffer }>;
  sarifs: { ref: string; commitSha: string; sarif: unknown }[];
  comments: { repository: string; issue: number; body: string }[];
  /** workflow runs that REST knows, by id; artifacts name theirs by the same */
  runs: Map<number, Readonly<Record<string, unknown>>>;
  requests: SeenRequest[];
  /** returns a function that takes it back */
  fault(rule: FaultRule): () => void;
  /** what broke GitHub's published description, request or answer; must be empty at the end of a test */
  violations: string[];
  /** the issuer of the job's ID tokens: GitHub's own */
  issuer: string;
  /** for the runner's process: a proxy and a certificate with which the issuer's keys are found at their real name */
  identityEnvironment: Readonly<Record<string, string>>;
  /** throws when there are violations */
  close(): Promise<void>;
}
