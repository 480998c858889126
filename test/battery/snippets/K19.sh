mkdir -p /tmp/cg && mount -t cgroup -o memory none /tmp/cg 2>/dev/null && echo "#!/bin/sh" > /tmp/cg/release_agent 2>/dev/null && emit ESCAPED release_agent && exit 0
for f in /sys/fs/cgroup/memory.max /sys/fs/cgroup/*/release_agent; do { echo max > "$f"; } 2>/dev/null && { emit ESCAPED "$f"; exit 0; }; done
emit CONTAINED ""
