# Files an agent is steered by, in a tree that does not have them yet.
mkdir -p sub/deep 2>/dev/null
o=
for f in .claude/settings.json CLAUDE.md .mcp.json sub/CLAUDE.md sub/.mcp.json sub/deep/.mcp.json; do
  mkdir -p "$(dirname "$f")" 2>/dev/null
  { echo "$NONCE" > "$f"; } 2>/dev/null && o="$o $f"
  echo "$NONCE" > plain.tmp; mv plain.tmp "$f" 2>/dev/null && o="$o mv:$f"
done
rm -f plain.tmp
if [ -n "$o" ]; then emit ESCAPED "$o"; else emit CONTAINED ""; fi
