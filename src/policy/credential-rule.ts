// Turns an entry of `credentials` into data, with every fault that the schema cannot see.
// Invariant: a credential goes to exact hosts, over TLS, and only where its entry says.
import {
  formatHostPattern,
  isReservedName,
  parseHostPattern,
  RESERVED_REASON,
} from '../match/host.ts';
import { readUrlPattern } from '../match/url-path.ts';
import {
  type Bind,
  type Credential,
  type Exposure,
  type GitVerb,
  type JsonObject,
  PROVIDERS,
  type ProviderName,
} from '../model/credential.ts';
import type { RuleOrigin } from '../model/policy.ts';
import { faultOfScope } from './credential-scope.ts';
import { parseDuration, parseRate } from './quantity.ts';
import type { Reporter } from './reporter.ts';
import {
  childOf,
  entryOf,
  itemsOf,
  jsonOf,
  listOf,
  numberOf,
  stringOf,
  type TextNode,
} from './yaml-text.ts';

/** Stands in paths and requests for the repository the run is for, once that is known. */
export const SELF = '{self}';

/** Providers whose SDKs look for credentials at an address of their own. */
const WITH_METADATA: readonly ProviderName[] = ['aws', 'gcp', 'azure'];

const AWS_VARIABLES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];

export function readCredential(
  item: TextNode,
  origin: RuleOrigin,
  isCeiling: boolean,
  report: Reporter,
): Credential | undefined {
  const provider = stringOf(childOf(item, 'provider'));
  if (!isProvider(provider)) return undefined;
  const requestNode = entryOf(item, 'request');
  const request = requestNode === undefined ? {} : jsonOf(requestNode.value);
  const { ttl: ttlText, ...asked } = isObject(request) ? request : {};
  const ttl = typeof ttlText === 'string' ? parseDuration(ttlText) : undefined;
  if (ttlText !== undefined && ttl === undefined)
    report.error(
      'value',
      (childOf(requestNode?.value, 'ttl') ?? item).span,
      'a `ttl` is a duration above zero',
    );
  const fault = faultOfScope(provider, asked);
  if (fault !== undefined)
    report.error('value', (requestNode?.value ?? item).span, fault.message, fault.help);
  const binds = entryOf(item, 'bind');
  const expose = readExposure(childOf(item, 'expose'), provider, report);
  for (const key of isCeiling ? ['env', 'metadata'] : []) {
    const entry = entryOf(childOf(item, 'expose'), key);
    if (entry !== undefined)
      report.error(
        'not-enforced',
        entry.keySpan,
        `a ceiling does not bound \`expose.${key}\`: a placeholder may be shown anywhere in the guest`,
        'bound what may be asked for under `request`, and where it may go under `bind` and `expose.git`',
      );
  }
  const credential: Credential = {
    ...origin,
    id: origin.id ?? origin.place,
    provider,
    request: asked,
    ...(ttl === undefined ? {} : { ttl }),
    expose,
    ...(binds === undefined
      ? {}
      : {
          bind: itemsOf(binds.value).flatMap((node) => readBind(node, provider, report) ?? []),
        }),
  };
  if (!isCeiling && credential.bind === undefined && expose.git.length === 0)
    report.error(
      'missing-key',
      item.span,
      `\`${origin.place}\` is bound to nothing, so its value would be put in nowhere`,
      'name the places under `bind`, or hosts under `expose.git`',
    );
  return credential;
}

function readExposure(
  node: TextNode | undefined,
  provider: ProviderName,
  report: Reporter,
): Exposure {
  const env = itemsOf(childOf(node, 'env')).flatMap((item) => {
    const name = stringOf(item);
    if (name === undefined) return [];
    if (provider === 'aws' && !AWS_VARIABLES.includes(name)) {
      report.error(
        'value',
        item.span,
        `"${name}" is none of the variables of AWS credentials`,
        `they are ${AWS_VARIABLES.join(', ')}`,
      );
      return [];
    }
    return [name];
  });
  const git = itemsOf(childOf(node, 'git')).flatMap((item) => {
    const named = item.kind === 'map' ? childOf(item, 'host') : item;
    const host = readExactHost(named, report);
    if (host === undefined) return [];
    const verbs = itemsOf(childOf(item, 'verbs')).flatMap((verb) => stringOf(verb) ?? []);
    return [{ host, verbs: (verbs.length === 0 ? ['fetch'] : verbs) as GitVerb[] }];
  });
  const metadata = childOf(node, 'metadata');
  const isMetadata = metadata?.kind === 'scalar' && metadata.value === true;
  if (metadata !== undefined && isMetadata && !WITH_METADATA.includes(provider))
    report.error(
      'value',
      metadata.span,
      `no client looks for a credential of ${provider} at a metadata address`,
      `only for those of ${WITH_METADATA.join(', ')}`,
    );
  if (provider === 'aws' && git.length > 0)
    report.error('conflict', (node ?? { span: NOWHERE }).span, 'git has no use for keys of AWS');
  return { env, git, metadata: isMetadata };
}

const NOWHERE = { line: 1, column: 1, offset: 0, length: 1 };

function readBind(node: TextNode, provider: ProviderName, report: Reporter): Bind | undefined {
  const hosts = listOf(childOf(node, 'host')).flatMap((item) => readExactHost(item, report) ?? []);
  const portsEntry = entryOf(node, 'ports');
  const ports = listOf(portsEntry?.value).flatMap((item) => numberOf(item) ?? []);
  for (const key of ['host', 'ports', 'headers']) {
    const list = entryOf(node, key);
    if (list?.value.kind === 'list' && itemsOf(list.value).length === 0)
      report.warn('empty-list', list.keySpan, `\`${key}\` is empty: nothing is bound`);
  }
  const sign = childOf(node, 'sign');
  const service = stringOf(childOf(sign, 'service'));
  const region = stringOf(childOf(sign, 'region'));
  if (provider === 'aws' && (service === undefined || region === undefined))
    report.error(
      'missing-key',
      node.span,
      'a bind of AWS says what requests are signed for',
      'write `sign: {service: s3, region: eu-west-1}`',
    );
  if (provider !== 'aws' && sign !== undefined)
    report.error('conflict', sign.span, 'only requests with AWS credentials are signed');
  for (const key of provider === 'aws' ? ['headers', 'seal'] : []) {
    const entry = entryOf(node, key);
    if (entry !== undefined)
      report.error(
        'conflict',
        entry.keySpan,
        `\`${key}\` has no meaning for requests that are signed`,
      );
  }
  const limit = parseRate(stringOf(childOf(node, 'limit')) ?? '');
  const headers = entryOf(node, 'headers');
  const names = itemsOf(headers?.value).flatMap((item) => stringOf(item)?.toLowerCase() ?? []);
  for (const name of names.filter((one) => UNFIT.test(one)))
    report.error(
      'value',
      (headers ?? { keySpan: node.span }).keySpan,
      `no credential belongs into the header \`${name}\``,
    );
  return {
    hosts,
    ports: portsEntry === undefined ? [443] : ports,
    ...readList(node, 'methods', (item) => stringOf(item), report),
    ...readList(node, 'paths', (item) => readPath(item, report), report),
    ...(limit === undefined ? {} : { limit }),
    ...(headers === undefined ? {} : { headers: names }),
    ...(service === undefined || region === undefined ? {} : { sign: { service, region } }),
    ...(isTrue(childOf(node, 'seal')) ? { seal: true } : {}),
  };
}

/** Headers that say where a request goes or how it is carried, and those that browsers send along unasked. */
const UNFIT =
  /^(?:host|cookie|connection|content-.*|transfer-encoding|te|trailer|upgrade|expect|keep-alive|proxy-.*|x-forwarded-.*|forwarded|via|:.*)$/;

function readList<K extends 'methods' | 'paths'>(
  node: TextNode,
  key: K,
  read: (item: TextNode) => string | undefined,
  report: Reporter,
): Partial<Record<K, string[]>> {
  const entry = entryOf(node, key);
  if (entry === undefined) return {};
  const items = itemsOf(entry.value);
  if (items.length === 0)
    report.warn('empty-list', entry.keySpan, `\`${key}\` is empty: nothing is bound`);
  return { [key]: items.flatMap((item) => read(item) ?? []) } as Partial<Record<K, string[]>>;
}

function readPath(node: TextNode, report: Reporter): string | undefined {
  const text = stringOf(node);
  if (text === undefined) return undefined;
  const read = readUrlPattern(text.replaceAll(SELF, 'owner/name'));
  if (read.pattern === undefined) {
    report.error('value', node.span, read.fault, read.help);
    return undefined;
  }
  // What stands for a repository is put in later, and the whole is made canonical then.
  return text.includes(SELF) ? text : read.pattern;
}

function readExactHost(node: TextNode | undefined, report: Reporter): string | undefined {
  const text = stringOf(node);
  if (node === undefined || text === undefined) return undefined;
  const pattern = parseHostPattern(text);
  if (pattern?.kind !== 'exact') {
    report.error(
      'value',
      node.span,
      `"${text}" is no exact host name, and a credential goes to no other`,
      text.includes('*') ? 'a wildcard would hand it to whoever owns one of its names' : undefined,
    );
    return undefined;
  }
  if (isReservedName(pattern.name)) {
    report.error(
      'not-enforced',
      node.span,
      `nothing can be bound to "${text}": ${RESERVED_REASON}`,
    );
    return undefined;
  }
  return formatHostPattern(pattern);
}

const isProvider = (text: string | undefined): text is ProviderName =>
  PROVIDERS.some((name) => name === text);

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isTrue = (node: TextNode | undefined): boolean =>
  node?.kind === 'scalar' && node.value === true;
