mv .git g2 2>/dev/null && cp -r g2 .git && printf '#!/bin/sh\ntouch /tmp/%s\n' "$NONCE" > .git/hooks/pre-commit && chmod +x .git/hooks/pre-commit && emit ESCAPED renamed || emit CONTAINED ""
