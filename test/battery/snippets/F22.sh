fallocate -l 1T big 2>/dev/null && big=1
truncate -s 8E sparse 2>/dev/null
dd if=/dev/zero of=fill bs=1M count=16 2>/dev/null
i=0; mkdir -p many; while [ $i -lt 100 ]; do : > many/$i; i=$((i + 1)); done
if [ -n "${big:-}" ]; then emit ESCAPED 'a terabyte was set aside'; else emit CONTAINED ""; fi
rm -rf big sparse fill many
