raw "http://$(printf %s "$NONCE" | hex).$CZONE/" >/dev/null
tried 'a name that carries data'
