// Where a client is configured to go, read from a URL in its configuration.

export interface Endpoint {
  /** canonical host name */
  host: string;
  port: number;
  /** file, variable or program that names it */
  from: string;
}

/** A client's configuration that names no usable host. */
export class ConfigurationFault extends Error {}

const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** Name and password in the URL stay behind: they are no part of where it leads. */
export function endpointOf(text: string, from: string): Endpoint {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const port = url === undefined ? undefined : PORTS[url.protocol];
  if (url === undefined || port === undefined)
    throw new ConfigurationFault(`${from} names no http or https URL`);
  const host = url.hostname.replace(/\.$/, '');
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(host) || /^[\d.]+$/.test(host))
    throw new ConfigurationFault(
      `${from} names '${host}', which is no full host name: write a rule for it`,
    );
  return { host, port: url.port === '' ? port : Number(url.port), from };
}

/** Each place once, in the order they were named. */
export function unique(endpoints: readonly Endpoint[]): Endpoint[] {
  const seen = new Map<string, Endpoint>();
  for (const endpoint of endpoints) {
    const key = `${endpoint.host}:${endpoint.port}`;
    if (!seen.has(key)) seen.set(key, endpoint);
  }
  return [...seen.values()];
}
