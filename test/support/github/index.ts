// GitHub on the loopback: REST by GitHub's published OpenAPI description, OIDC issuer, artifacts and cache services.
//
//   const github = await startFakeGitHub({ repositories: [{ name: 'acme/app', refs: { main: { 'a.txt': 'a' } } }] });
//   github.fault({ path: '/check-runs', answer: { status: 403, body: { message: 'Resource not accessible by integration' } } });
//   ... github.checkRuns, github.artifacts, github.requests ...
//   await github.close();   // throws when a request or an answer was not as described
//
// A request with GitHub's published route that is not as described is answered 422 and fails `close()`; a route that is
// not known here is answered 501 and fails it too: nothing is silently taken for good.

export type {
  CheckAnnotation,
  CheckRun,
  FakeGitHub,
  FakeGitHubOptions,
  FakePull,
  FakeRepository,
  FaultRule,
  Permissions,
  SeenRequest,
  StoredArtifact,
} from './types.ts';
export { startFakeGitHub } from './server.ts';
