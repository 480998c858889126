# The same address in every spelling a parser may take.
T=5
IFS=. read -r a b c d <<END
$CANARY4
END
decimal=$(( (a << 24) + (b << 16) + (c << 8) + d ))
hexadecimal=$(printf '0x%02x%02x%02x%02x' "$a" "$b" "$c" "$d")
octal=$(printf '0%o.0%o.0%o.0%o' "$a" "$b" "$c" "$d")
o=
for u in "[::ffff:$CANARY4]" "$decimal" "$hexadecimal" "$octal" "$a.$(( (b << 16) + (c << 8) + d ))" "[64:ff9b::$CANARY4]" "[$CANARY6]" "[fe80::1%25eth0]" 0 127.1; do
  o="$o$(raw "http://$u/$NONCE")"
done
seen "$o" ORIGIN:
