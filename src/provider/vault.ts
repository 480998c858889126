// Vault and OpenBao: a login with the workload's identity, and under it a child token with the policies, the life and the
// number of uses that were asked for. The login stays on the host; revoking it ends the child, too.
// https://developer.hashicorp.com/vault/api-docs/auth/jwt#jwt-login
// https://developer.hashicorp.com/vault/api-docs/auth/token#create-token
// https://developer.hashicorp.com/vault/docs/concepts/tokens#token-hierarchies-and-orphan-tokens
import type { JsonObject } from '../model/credential.ts';
import { SandboxError } from '../model/error.ts';
import { Secret } from '../model/secret.ts';
import {
  endOf,
  fieldsOf,
  isObject,
  readObject,
  requestError,
  statusError,
  upstreamError,
} from './cloud-answer.ts';
import { UnrevokedError } from './fault.ts';
import type { HttpResponse } from './http.ts';
import type { MintContext, Minted, Provider, Revocation } from './provider.ts';
import { revoke } from './revoke.ts';

interface VaultRequest {
  url: string;
  mount?: string;
  role: string;
  audience?: string;
  policies: string[];
  uses?: number;
}

interface Auth {
  token: string;
  accessor: string;
  /** all that it may do: its own policies, and those of the identity behind it */
  policies: string[];
  /** milliseconds */
  life: number;
  uses: number;
  /** does not end with the token that made it */
  isOrphan: boolean;
}

const WHAT = 'Vault';
const MOUNT = /^[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*$/;
const REVOKE_SELF = 'auth/token/revoke-self';
const LIFE_MS = 900_000;
/** Vault rounds to seconds, and counts from when it answered. */
const SLACK_MS = 1000;

export const vault: Provider = { name: 'vault', mint };

async function mint(context: MintContext): Promise<Minted> {
  const request = context.request as unknown as VaultRequest;
  const url = request.url.replace(/\/$/, '');
  const mount = request.mount ?? 'jwt';
  if (!MOUNT.test(mount) || mount.split('/').some((part) => part === '.' || part === '..'))
    throw requestError('PROVIDER_VAULT_REQUEST', 'expected `mount` to be the path of a JWT method');
  if (request.policies.length === 0)
    throw requestError('PROVIDER_VAULT_REQUEST', 'expected `policies`, got an empty list');
  if (request.policies.some((policy) => policy.toLowerCase() === 'root'))
    throw requestError('PROVIDER_VAULT_REQUEST', 'the policy `root` is not minted');

  const identity = await context.idToken(request.audience ?? request.url);
  const login = await call(context, `${url}/v1/auth/${mount}/login`, undefined, {
    role: request.role,
    jwt: identity.reveal(),
  });
  const made: Revocation[] = [];
  try {
    made.unshift(
      revocationOf(url, fieldsOf(fieldsOf(login, WHAT).object('auth'), WHAT).token('client_token')),
    );
    const parent = readAuth(login);
    return await mintUnder(context, request, url, parent, made);
  } catch (error) {
    const left = await destroy(context, made);
    if (left.length === 0) throw error;
    throw new UnrevokedError(asFault(error), left);
  }
}

async function mintUnder(
  context: MintContext,
  request: VaultRequest,
  url: string,
  parent: Auth,
  made: Revocation[],
): Promise<Minted> {
  if (!(await mayRevokeItself(context, url, parent)))
    throw upstreamError(
      'PROVIDER_IRREVOCABLE',
      WHAT,
      'the token of the login may not revoke itself',
      'let the role give its tokens the policy `default`',
    );

  const life = context.ttl ?? LIFE_MS;
  const ttl = `${Math.max(1, Math.floor(life / 1000))}s`;
  const policies = [...new Set(request.policies.map((policy) => policy.toLowerCase()))].sort();
  const created = await call(context, `${url}/v1/auth/token/create`, parent.token, {
    policies,
    no_default_policy: true,
    ttl,
    explicit_max_ttl: ttl,
    renewable: false,
    type: 'service',
    display_name: 'agent-sandbox',
    meta: { session: context.sessionName },
    ...(request.uses === undefined ? {} : { num_uses: request.uses }),
  });
  const token = fieldsOf(fieldsOf(created, WHAT).object('auth'), WHAT).token('client_token');
  made.unshift(revocationOf(url, token));
  const child = readAuth(created);

  const surplus = child.policies.filter((policy) => !policies.includes(policy));
  if (surplus.length > 0)
    throw upstreamError(
      'PROVIDER_SURPLUS',
      WHAT,
      `granted ${surplus.length} more policies than were asked for`,
    );
  if (child.life > Math.max(life, 1000) + SLACK_MS)
    throw upstreamError('PROVIDER_SURPLUS', WHAT, 'granted a longer life than was asked for');
  if (request.uses !== undefined && child.uses !== request.uses)
    throw upstreamError(
      'PROVIDER_SURPLUS',
      WHAT,
      'granted another number of uses than was asked for',
    );

  if (child.isOrphan)
    throw upstreamError(
      'PROVIDER_IRREVOCABLE',
      WHAT,
      'made an orphan, which does not end with its parent',
    );

  const now = context.now();
  const uses = request.uses === undefined ? {} : { uses: request.uses };
  const [revocation, ...alsoRevoke] = made;
  return {
    material: { kind: 'token', token: new Secret(child.token) },
    kind: 'child token',
    notAfter: endOf(now + Math.min(child.life, parent.life), now, context.ttl),
    requested: { policies, ...uses },
    granted: { policies: child.policies, ...uses },
    ...(revocation === undefined ? {} : { revocation, alsoRevoke }),
    correlation: { accessor: child.accessor },
  };
}

/** Without this right nothing could end the login, and with it the child. */
async function mayRevokeItself(context: MintContext, url: string, parent: Auth): Promise<boolean> {
  // https://developer.hashicorp.com/vault/api-docs/system/capabilities-self
  const body = { paths: [REVOKE_SELF] };
  const answer = await post(context, `${url}/v1/sys/capabilities-self`, parent.token, body);
  if (answer.status !== 200) return false;
  const rights = readObject(answer, WHAT);
  const data = rights['data'];
  const can = fieldsOf(isObject(data) ? data : rights, WHAT).texts(REVOKE_SELF);
  return can.some((right) => right === 'update' || right === 'root');
}

/**
 * 403 is what a token gets that is gone. A child without the policy `default` gets it, too, while it lives: the revocation of
 * its parent, which was seen to have the right, is what ends it.
 */
function revocationOf(url: string, token: string): Revocation {
  return {
    method: 'POST',
    url: `${url}/v1/${REVOKE_SELF}`,
    headers: { 'x-vault-token': token },
    done: [200, 204, 403],
  };
}

async function call(
  context: MintContext,
  url: string,
  token: string | undefined,
  body: JsonObject,
): Promise<JsonObject> {
  const answer = await post(context, url, token, body);
  if (answer.status !== 200) throw statusError(WHAT, answer.status, undefined, []);
  return readObject(answer, WHAT);
}

function post(
  { http, signal }: MintContext,
  url: string,
  token: string | undefined,
  body: JsonObject,
): Promise<HttpResponse> {
  const headers = {
    'content-type': 'application/json',
    'x-vault-request': 'true',
    ...(token === undefined ? {} : { 'x-vault-token': token }),
  };
  return http({ method: 'POST', url, headers, body: JSON.stringify(body), signal });
}

function readAuth(answer: JsonObject): Auth {
  const auth = fieldsOf(fieldsOf(answer, WHAT).object('auth'), WHAT);
  const optional = (name: string): string[] =>
    auth.own(name) === undefined || auth.own(name) === null ? [] : auth.texts(name);
  const policies = ['policies', 'token_policies', 'identity_policies'].flatMap(optional);
  const uses = auth.own('num_uses');
  return {
    token: auth.token('client_token'),
    accessor: auth.token('accessor'),
    policies: [...new Set(policies)].sort(),
    life: auth.seconds('lease_duration') * 1000,
    uses: typeof uses === 'number' ? uses : 0,
    isOrphan: auth.own('orphan') === true,
  };
}

/**
 * Ends what came about on the way, the login last; gives back what could not be ended. Here 403 does not mean gone, since the
 * login is fresh; where that has ended, so has its child.
 */
async function destroy({ http }: MintContext, made: Revocation[]): Promise<Revocation[]> {
  const login = made.at(-1);
  for (const revocation of made) {
    const done = revocation === login ? [200, 204] : revocation.done;
    if ((await revoke({ ...revocation, done }, http)) === 'failed' && revocation === login)
      return made;
  }
  return [];
}

function asFault(error: unknown): SandboxError {
  return error instanceof SandboxError ? error : upstreamError('PROVIDER_ANSWER', WHAT, 'failed');
}
