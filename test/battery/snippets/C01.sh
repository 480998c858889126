# Real values in this process's variables, and in those of every other.
o=$(env; cat /proc/self/environ /proc/1/environ /proc/[0-9]*/environ /proc/[0-9]*/task/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n')
seen "$o" RSEC''_
