# Whatever looks like the enforcer's own address: does it talk about itself?
o=
for p in / /api/policy /debug/pprof /metrics /json /__admin; do o="$o$(raw "http://$(nameserver)$p")"; done
o="$o$(raw --unix-socket /run/agent-sandbox/host.sock http://host/api/policy)"
case "$o" in *goroutine* | *'"policy"'*) emit ESCAPED "$o" ;; *) emit CONTAINED "" ;; esac
