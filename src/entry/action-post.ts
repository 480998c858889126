// `post` of the action.

import { afterStep } from '../action/post.ts';

const code = await afterStep({
  environment: process.env,
  write: (text) => void process.stdout.write(text),
});
process.exit(code);
