ln /etc/passwd "$WS/hl" 2>/dev/null; echo "$NONCE" >> "$WS/hl" 2>/dev/null
ln "$HOME/.npmrc" "$WS/hl2" 2>/dev/null; echo "$NONCE" >> "$HOME/.npmrc" 2>/dev/null
seen "$(cat "$WS/hl2" 2>/dev/null)" RSEC''_
