// The two APIs of models, for whoever shows the key: whole answers, and answers as a stream of events that say the key again.
// https://docs.anthropic.com/en/api/messages-streaming, https://platform.openai.com/docs/api-reference/chat/streaming

import { bearerOf, jsonOf } from '../clouds/cloud.ts';
import { shown } from './site.ts';
import type { Site } from './site.ts';

export function anthropicApi(key: string): Site {
  return {
    hosts: ['api.anthropic.com'],
    answer(request) {
      const asked = jsonOf(request);
      // Clients of different years show it in different headers.
      if (request.headers['x-api-key'] !== key && bearerOf(request) !== key)
        return fault(401, 'authentication_error', JSON.stringify(shown(request)));
      if (request.method !== 'POST' || request.path !== '/v1/messages' || !asked?.['max_tokens'])
        return fault(400, 'invalid_request_error', request.path);
      const message = {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: asked['model'],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 3, output_tokens: 1 },
      };
      const text = `hello ${key}`;
      if (asked['stream'] !== true)
        return {
          status: 200,
          body: { ...message, content: [{ type: 'text', text }], stop_reason: 'end_turn' },
        };
      const delta = (piece: string) => ({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'text_delta', text: piece },
      });
      return stream(
        [
          { type: 'message_start', message: { ...message, content: [] } },
          { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
          delta('hel'),
          delta('lo '),
          delta(key),
          { type: 'content_block_stop', index: 0 },
          {
            type: 'message_delta',
            delta: { stop_reason: 'end_turn', stop_sequence: null },
            usage: { output_tokens: 9 },
          },
          { type: 'message_stop' },
        ].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`),
      );
    },
  };
  function fault(status: number, type: string, message: string) {
    return { status, body: { type: 'error', error: { type, message } } };
  }
}

export function openaiApi(key: string): Site {
  return {
    hosts: ['api.openai.com'],
    answer(request) {
      const asked = jsonOf(request);
      if (bearerOf(request) !== key)
        return { status: 401, body: { error: { message: JSON.stringify(shown(request)) } } };
      if (request.method !== 'POST' || request.path !== '/v1/chat/completions')
        return { status: 404, body: { error: { message: request.path } } };
      const base = { id: 'chatcmpl-1', created: 1, model: asked?.['model'] };
      const content = `hello ${key}`;
      if (asked?.['stream'] !== true)
        return {
          status: 200,
          body: {
            ...base,
            object: 'chat.completion',
            choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
          },
        };
      const chunk = (delta: object, finish: string | null = null): string =>
        `data: ${JSON.stringify({
          ...base,
          object: 'chat.completion.chunk',
          choices: [{ index: 0, delta, finish_reason: finish }],
        })}\n\n`;
      return stream([
        chunk({ role: 'assistant', content: 'hel' }),
        chunk({ content: 'lo ' }),
        chunk({ content: key }),
        chunk({}, 'stop'),
        'data: [DONE]\n\n',
      ]);
    },
  };
}

function stream(events: string[]) {
  return { status: 200, headers: { 'content-type': 'text/event-stream' }, events };
}
