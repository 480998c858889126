o=
for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /sys/kernel/uevent_helper /proc/sys/vm/panic_on_oom; do
  { echo "|/tmp/$NONCE" > "$f"; } 2>/dev/null && o="$o $f"
done
emit CONTAINED "guest wrote:$o"
