# Paths outside the rule, in every spelling a server may take for one inside or out of it.
o=$(for p in /admin /api/../admin /api/%2e%2e/admin /api/%2e%2e%2fadmin /api%2f../admin '/api;/../admin' /api/..%5cadmin /api/..%252fadmin /API/x //api/x /api//../admin; do via --path-as-is "https://$RO$p"; done)
seen "$o" 'PATH:/'
