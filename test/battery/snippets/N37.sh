o=$(for h in cloudflare-dns.com dns.google dns.quad9.net 1.1.1.1; do
  raw -H 'accept: application/dns-json' "https://$h/dns-query?name=x$NONCE.$CZONE"
done)
seen "$o" '"Answer"'
