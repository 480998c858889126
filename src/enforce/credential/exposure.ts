// Where the guest finds its placeholders: variables, git's credential helper, and the address where SDKs look by themselves.
// Invariant: nothing here is a secret; whoever reads it all can do no more than the policy lets the guest do.

import type { GrantedCredential } from '../../model/policy.ts';
import { shapesOf } from './material.ts';
import type { Metadata } from './metadata/metadata.ts';
import { answerMetadata, metadataVariables } from './metadata/metadata.ts';
import { createMetadataServer, METADATA_ADDRESS } from './metadata/serve.ts';
import type { MetadataServer } from './metadata/serve.ts';
import type { Placeholders } from './placeholder/placeholders.ts';
import type { Part } from './placeholder/shape.ts';

export type Variables = readonly (readonly [name: string, value: string])[];

export interface Exposed {
  variables: Variables;
  /** absent where no credential is exposed that way */
  metadata?: MetadataServer;
}

/** Of the three of AWS each has its own part: https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html */
const AWS_PARTS: Readonly<Record<string, Part>> = {
  AWS_ACCESS_KEY_ID: 'accessKeyId',
  AWS_SECRET_ACCESS_KEY: 'secretAccessKey',
  AWS_SESSION_TOKEN: 'sessionToken',
};
/** Placeholders last as long as the session: SDKs are told to come back after so many milliseconds. */
const METADATA_LIFE = 6 * 3_600_000;

export function exposeCredentials(
  credentials: readonly GrantedCredential[],
  placeholders: Placeholders,
  random: (bytes: number) => Buffer,
  now: () => number,
): Exposed {
  const held = new Map(
    credentials.map((credential) => [
      credential,
      new Map(
        shapesOf(credential).map(([part, shape]) => [
          part,
          placeholders.issue(credential.id, shape, part),
        ]),
      ),
    ]),
  );
  const text = (credential: GrantedCredential, part: Part): string =>
    held.get(credential)?.get(part) ?? '';
  const direct = credentials.flatMap((credential) =>
    credential.expose.env.map((name): [string, string] => [
      name,
      text(
        credential,
        credential.provider === 'aws' ? (AWS_PARTS[name] ?? 'accessKeyId') : 'token',
      ),
    ]),
  );
  const metadata = metadataOf(credentials, text, random, now);
  return {
    variables: [
      ...direct,
      ...gitVariables(credentials, (credential) => text(credential, 'token')),
      ...(metadata === undefined
        ? []
        : Object.entries(metadataVariables(METADATA_ADDRESS, metadata))),
    ],
    ...(metadata !== undefined && {
      metadata: createMetadataServer((request) => answerMetadata(request, metadata, now())),
    }),
  };
}

/**
 * Git asks a helper once a server wants to know who it is, so that public repositories need no credential:
 * https://git-scm.com/docs/gitcredentials. An empty helper first: none of the guest's own is asked.
 */
function gitVariables(
  credentials: readonly GrantedCredential[],
  text: (credential: GrantedCredential) => string,
): [string, string][] {
  const settings = credentials.flatMap((credential) =>
    credential.expose.git.flatMap(({ host }): [string, string][] => {
      const key = `credential.https://${host}.helper`;
      const script = `!f() { test "$1" = get && printf 'username=x-access-token\\npassword=${text(credential)}\\n'; }; f`;
      return [
        [key, ''],
        [key, script],
      ];
    }),
  );
  if (settings.length === 0) return [];
  return [
    ['GIT_CONFIG_COUNT', String(settings.length)],
    ...settings.flatMap(([key, value], i): [string, string][] => [
      [`GIT_CONFIG_KEY_${i}`, key],
      [`GIT_CONFIG_VALUE_${i}`, value],
    ]),
  ];
}

function metadataOf(
  credentials: readonly GrantedCredential[],
  text: (credential: GrantedCredential, part: Part) => string,
  random: (bytes: number) => Buffer,
  now: () => number,
): Metadata | undefined {
  const exposed = credentials.filter(({ expose }) => expose.metadata);
  if (exposed.length === 0) return undefined;
  const notAfter = now() + METADATA_LIFE;
  const secret = random(20).toString('hex');
  const metadata: Metadata = {};
  for (const credential of exposed) {
    const { provider, request, id } = credential;
    if (provider === 'aws')
      metadata.aws = [
        {
          path: `/v1/credentials/${id}`,
          token: secret,
          placeholder: {
            accessKeyId: text(credential, 'accessKeyId'),
            secretAccessKey: text(credential, 'secretAccessKey'),
            sessionToken: text(credential, 'sessionToken'),
          },
          notAfter,
        },
      ];
    else if (provider === 'gcp')
      metadata.google = {
        placeholder: text(credential, 'token'),
        email: textOf(request['service-account']) ?? 'default@agent-sandbox.invalid',
        scopes: Array.isArray(request['scopes']) ? request['scopes'].map(String) : [],
        notAfter,
      };
    else if (provider === 'azure')
      metadata.azure = {
        path: '/msi/token',
        secret,
        tokens: [
          {
            resource: (textOf(request['scope']) ?? '').replace(/\/\.default$/, ''),
            client: textOf(request['client']) ?? '',
            placeholder: text(credential, 'token'),
            notAfter,
          },
        ],
      };
  }
  return metadata;
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;
