now=$(date +%s%N)
random=$(head -c 32 /dev/urandom | wc -c)
body=$(curl -sS --max-time "$T" --cacert "$KIT/authority.pem" "https://$ALLOW/" 2>&1)
case "$random/$body" in 32/*ORIGIN:*) emit WORKS "clock $now" ;; *) emit BROKEN "random $random, body $body" ;; esac
