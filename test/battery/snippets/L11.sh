o=$(marker-tool 2>&1)
if touch "$RIG_TOOLS/marker/1.0/x64/bin/planted" 2>/dev/null; then emit BROKEN "tool cache is writable"; else works "$o" MARKER-TOOL-RAN; fi
