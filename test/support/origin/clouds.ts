// What is behind the tokens of two clouds, for whoever shows one: Google's storage and Azure's key vault.

import { bearerOf } from '../clouds/cloud.ts';
import { shown } from './site.ts';
import type { Site } from './site.ts';

export function googleStorage(token: string): Site {
  return {
    hosts: ['storage.googleapis.com'],
    answer: (request) =>
      bearerOf(request) === token
        ? { status: 200, body: { items: [{ name: 'report.csv' }], shown: shown(request) } }
        : { status: 401, body: { error: { code: 401, shown: shown(request) } } },
  };
}

export function azureVault(host: string, token: string): Site {
  return {
    hosts: [host],
    answer: (request) =>
      bearerOf(request) === token
        ? {
            status: 200,
            body: { id: 'secrets/greeting', value: 'good day', shown: shown(request) },
          }
        : { status: 401, body: { error: { code: 'Unauthorized', shown: shown(request) } } },
  };
}
