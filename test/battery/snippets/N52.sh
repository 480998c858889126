(
  iptables -F; iptables -P OUTPUT ACCEPT; nft flush ruleset
  ip route replace default dev eth0
  ip addr add 10.99.0.7/8 dev eth0; ip tuntap add t0 mode tun
) >/dev/null 2>&1
python3 -c 'import socket; s = socket.socket(); s.setsockopt(1, 36, 1)' 2>/dev/null
seen "$(raw "https://$BLOCK/"; raw "https://$CANARY4/$NONCE")" ORIGIN:
ip link delete t0 >/dev/null 2>&1
