// Node's protocol modules. Asked for here, and not imported, because a bundle would load what it imports at its start:
// 20 ms that a session without inspected connections must not pay for.

export const http = process.getBuiltinModule('node:http');
export const http2 = process.getBuiltinModule('node:http2');
export const tls = process.getBuiltinModule('node:tls');
