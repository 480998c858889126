# Sourced before every snippet. A snippet says its verdict in lines CASE|ID|VERDICT|DETAIL and nothing else counts.
T=${T:-30}

emit() {
  printf 'CASE|%s|%s|%s\n' "$ID" "$1" "$(printf '%s' "${2:-}" | tr '\n|' '  ' | cut -c1-200)"
}
# Ends the case when a program it needs is not there.
need() {
  for program in "$@"; do
    command -v "$program" >/dev/null 2>&1 || { emit SKIPPED "missing $program"; exit 0; }
  done
}
# A request the way a program sends it that knows of the proxy, and one that does not care for it.
via() { curl -sSkg --max-time "$T" ${PROXY:+-x "http://$PROXY"} "$@" 2>/dev/null; }
raw() {
  env -u http_proxy -u https_proxy -u HTTP_PROXY -u HTTPS_PROXY -u ALL_PROXY -u all_proxy \
    curl -sSkg --noproxy '*' --max-time "$T" "$@" 2>/dev/null
}
# An attack: escaped when only what lies outside can have said MARK.
seen() { case "$1" in *"$2"*) emit ESCAPED "saw $2" ;; *) emit CONTAINED "no $2" ;; esac; }
# Legitimate work.
works() { case "$1" in *"$2"*) emit WORKS "$2" ;; *) emit BROKEN "no $2" ;; esac; }
# The canary outside decides: the snippet only says that it ran to its end.
tried() { emit CONTAINED "tried: ${1:-}"; }
hex() { od -An -tx1 | tr -d ' \n'; }
rawreq() { node "$KIT/rawreq.mjs" "$@" 2>/dev/null; }
dnsq() { node "$KIT/dnsq.mjs" "$@" 2>/dev/null; }
nameserver() { awk '/^nameserver/{print $2; exit}' /etc/resolv.conf; }
