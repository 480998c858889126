// To one of the fakes that listen by themselves on the loopback, with the head as it came: signatures are over it.

import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';

export function forwardTo(
  port: number,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const { method, url, rawHeaders } = request;
    const onward = http.request({ port, host: '127.0.0.1', method, path: url }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    for (let i = 0; i + 1 < rawHeaders.length; i += 2)
      onward.setHeader(rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '');
    onward.on('error', (error) => response.destroy(error));
    request.pipe(onward);
  };
}
