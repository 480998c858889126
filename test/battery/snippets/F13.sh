for d in .GIT .Git "$(printf '.g\342\200\214it')" 'git~1' '.git.' '.git '; do
  mkdir -p "$d/hooks" 2>/dev/null && printf '#!/bin/sh\ntouch "$0.%s"\n' "$NONCE" > "$d/hooks/post-checkout" 2>/dev/null && chmod +x "$d/hooks/post-checkout"
done
tried 'git on the host decides'
