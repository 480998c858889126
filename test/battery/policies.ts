// The policies of the battery.
import { ALLOWED, type Layout } from './layout.ts';

/** What the cases are judged by. */
export function batteryPolicy(layout: Layout, user: 'agent' | 'root'): string {
  const names = ALLOWED.filter((name) => !name.includes('wild'));
  return `version: 1
network:
  allow:
    - host: [${names.join(', ')}]
    - {host: "*.wild.test"}
    - {host: ro.test, methods: [GET], paths: ["/api/**"]}
filesystem:
  allow:
    - {path: ., access: write}
    - {path: ${layout.kit}, access: read}
  deny:
    - {path: "**/.env*"}
    - {path: secrets/**}
    - {path: .claude/**, access: write}
    - {path: "**/CLAUDE.md", access: write}
    - {path: "**/.mcp.json", access: write}
execution: {user: ${user}}
credentials:
  - id: app
    provider: env
    request: {name: APP_SECRET}
    expose: {env: [APP_TOKEN]}
    bind:
      - {host: cred.test, methods: [GET], paths: [/whoami, /to, /echo-headers, /echo-base64]}
`;
}

/** Enforcement off, as far as a policy can turn it off. */
export function openPolicy(layout: Layout): string {
  const ports = '[22, 25, 53, 80, 443, 853, 6379, 8443, 8888, 9999]';
  return `version: 1
network:
  allow:
    - {host: "**", ports: ${ports}}
    - {cidr: 0.0.0.0/0, ports: ${ports}}
    - {cidr: "::/0", ports: ${ports}}
filesystem:
  allow:
    - {path: ., access: write}
    - {path: ${layout.kit}, access: read}
execution: {user: root}
`;
}
