// A process of its own that mints, keeps what revokes the credential, says so, and never gets to use it.

import { connect } from 'node:net';

import { ownMark } from '../../../src/engine/process.ts';
import { githubApp } from '../../../src/provider/github-app.ts';
import { createHttpClient } from '../../../src/provider/http.ts';
import { openJournal } from '../../../src/provider/journal.ts';

const { port, ca, key, directory } = JSON.parse(process.argv[2] ?? '') as {
  port: number;
  ca: string;
  key: string;
  directory: string;
};

const http = createHttpClient({
  ca: [ca],
  dial: () => Promise.resolve(connect({ host: '127.0.0.1', port })),
});
const minted = await githubApp.mint({
  request: {
    app: 'Iv23liExample',
    key: { env: 'APP_KEY' },
    repositories: ['acme/app'],
    permissions: { contents: 'read' },
  },
  idToken: () => Promise.reject(new Error('not to be asked')),
  http,
  environment: { APP_KEY: key },
  home: '/nonexistent',
  sessionName: 'session-1',
  now: Date.now,
  signal: new AbortController().signal,
});
const journal = openJournal({
  directory,
  mark: ownMark(),
  now: Date.now,
  onNotice: () => undefined,
});
const { notAfter, revocation } = minted;
journal.add({
  id: 'gh',
  ...(notAfter !== undefined && { notAfter }),
  revocations: revocation === undefined ? [] : [revocation],
});
process.stdout.write('kept\n');
setInterval(() => undefined, 1000);
