// The `Authorization` header of Signature Version 4, read strictly:
//   AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=HEX

export interface Authorization {
  accessKeyId: string;
  /** `YYYYMMDD` */
  day: string;
  region: string;
  service: string;
  /** lower case, sorted, each once */
  signed: string[];
  /** lower-case hex */
  signature: string;
}

const MAX_LENGTH = 8192;
const FORM =
  /^AWS4-HMAC-SHA256 +Credential=([^\s,/]+)\/(\d{8})\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request, *SignedHeaders=([!-+\--~]+), *Signature=([0-9a-f]{64})$/;
const NAMES = /^[a-z0-9!#$%&'*.^_`|~+-]+(?:;[a-z0-9!#$%&'*.^_`|~+-]+)*$/;

/** Undefined for anything but the one form above. */
export function readAuthorization(value: string): Authorization | undefined {
  if (value.length > MAX_LENGTH) return undefined;
  const [, accessKeyId, day, region, service, names, signature] = FORM.exec(value) ?? [];
  if (!accessKeyId || !day || !region || !service || !names || !signature) return undefined;
  if (!NAMES.test(names)) return undefined;
  const signed = names.split(';');
  const isSorted = signed.every((name, i) => i === 0 || (signed[i - 1] ?? '') < name);
  return isSorted ? { accessKeyId, day, region, service, signed, signature } : undefined;
}
