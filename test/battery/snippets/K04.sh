# A process of the host, its name.
o=$(grep -las 'packets[.]py' /proc/[0-9]*/cmdline; hostname | grep -Fx "$RIG_HOSTNAME")
if [ -n "$o" ]; then emit ESCAPED "$o"; else emit CONTAINED "$(ls -d /proc/[0-9]* | wc -l) processes"; fi
