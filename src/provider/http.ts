// How providers and the identity reach their servers.

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `https:`; `http:` only to a loopback address */
  url: string;
  headers?: Record<string, string>;
  body?: string;
  signal?: AbortSignal;
}

export interface HttpResponse {
  status: number;
  /** lower-case names */
  headers: Record<string, string>;
  body: string;
}

/** Follows no redirect; throws a `SandboxError` of kind `upstream` for those, for anything too long, and when time is up. */
export type HttpClient = (request: HttpRequest) => Promise<HttpResponse>;
