// Where the guest finds the tool gateway: a name, and an address that is nowhere else (RFC 5737).

export const GATEWAY_NAME = 'mcp.sandbox.internal';
export const GATEWAY_ADDRESS = '198.51.100.1';
export const GATEWAY_PORT = 80;
