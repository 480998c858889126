via "http://$(printf 'x%%0a%%22decision%%22:%%22allow').$BLOCK/" >/dev/null
via -H 'Host: a"},{"decision":"allow"' "http://$BLOCK/" >/dev/null
via "http://%7Cb%7C%3Cscript%3E.$BLOCK/![x](https://evil)" >/dev/null
touch "$WS/$(printf 'a\n{"v":1,"effect":"allow"}')" 2>/dev/null
cat "$HOME/../$(printf '::error file=x::%s' "$NONCE")" "/etc/$(printf '\033]0;%s\007' "$NONCE")" "$WS/.env$(printf '\n::error::%s\r' "$NONCE")" 2>/dev/null
# Guest root may make files of these names in its own memory: the host decides.
for f in "$RIG_LOGS" "$RIG_LOGS"/*/*/decisions.jsonl; do { echo forged >> "$f"; } 2>/dev/null; done
raw "https://$BLOCK/" >/dev/null
emit CONTAINED 'the log decides'
