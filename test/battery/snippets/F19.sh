for d in "$HOME/.npm" "$HOME/.cache" "$RIG_TOOLS/marker"; do mkdir -p "$d" 2>/dev/null; { echo "$NONCE" > "$d/planted"; } 2>/dev/null; done
tried 'what a later job would restore decides'
