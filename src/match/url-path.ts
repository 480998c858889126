// Stand-in until the policy core brings its own.

/** The one spelling of a URL path; undefined where two servers could read it differently. */
export function canonicalUrlPath(raw: string): string | undefined {
  if (!raw.startsWith('/') || !/^[!-~]*$/.test(raw)) return undefined;
  if (/\\|\/\/|;|%(?![0-9a-f]{2})/i.test(raw)) return undefined;
  if (/%(?:2f|5c|2e|25|[01][0-9a-f]|7f)/i.test(raw)) return undefined;
  return raw.split('/').some((segment) => segment === '.' || segment === '..') ? undefined : raw;
}
