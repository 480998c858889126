# Clients that know nothing of a proxy.
o=$(
  node -e "fetch('https://$ALLOW/').then((r) => r.text()).then(console.log, (e) => console.log('E', e.cause?.code))"
  python3 -c "import urllib.request as u; print(u.urlopen('https://$ALLOW/').read().decode())" 2>&1
)
n=$(printf '%s' "$o" | grep -c "ORIGIN:$ALLOW")
if [ "$n" -ge 2 ]; then emit WORKS "clients $n"; else emit BROKEN "clients $n: $o"; fi
