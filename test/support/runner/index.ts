// A runner to test actions with: runs the jobs of a workflow file as actions/runner 2.336.0 does, with real processes.
//
//   const github = await startFakeGitHub();
//   const run = await runWorkflow({
//     workflow: readFileSync('.github/workflows/agent.yml', 'utf8'),
//     event: { name: 'pull_request' },
//     files: { 'README.md': 'text' },
//     actions: { 'gov/agent-sandbox': repositoryRoot },   // any ref
//     services: github,
//   });
//   run.job('agent').step('sandbox').outputs['verdict'];
//   run.remove();
//
// Nothing in here reaches out: what `uses:` names and `actions` does not map is an error of "Set up job".
// Hooks, containers, services and docker actions are not run: a job that needs them fails with a message that says so.

export type {
  ActionSource,
  Annotation,
  Files,
  Folders,
  JobRun,
  JobServices,
  RunOptions,
  Stage,
  StartedRun,
  StepRun,
  WorkflowRun,
} from './types.ts';
export type { Conclusion, EventName } from './model.ts';
export { faultsOfAction, faultsOfWorkflow } from './syntax.ts';
export { runWorkflow, startWorkflow } from './workflow.ts';
