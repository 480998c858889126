# A request that a rule names, over both versions of HTTP, with the bundle the guest has.
o="$(curl -sS --max-time "$T" "https://$RO/api/x?$NONCE" 2>&1)$(curl -sS --http1.1 --max-time "$T" "https://$RO/api/y?$NONCE" 2>&1)"
case "$o" in *"PATH:/api/x"*"PATH:/api/y"*) emit WORKS 'PATH:/api/' ;; *) emit BROKEN "$o" ;; esac
