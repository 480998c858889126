// Who acts, and how sure we are of it (CONTRACT §4).

export type Assurance = 'oidc' | 'device' | 'platform-env' | 'os-user';

export interface Actor {
  login: string;
  id?: string;
  assurance: Assurance;
}

/** The CI run around a session; absent on laptops. */
export interface Run {
  repository?: string;
  repositoryId?: string;
  runId?: string;
  attempt?: number;
  job?: string;
  workflowRef?: string;
  event?: string;
  sha?: string;
  pullRequest?: number;
}

/** A process in the guest. All but `command` is the guest's own claim. */
export interface Agent {
  command: string;
  pid?: number;
  executable?: string;
}
