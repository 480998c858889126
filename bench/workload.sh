#!/bin/bash
# The work that is timed, the same in every guest: workload.sh LABEL DIR. DIR holds big.bin, git/, small/, small.tar and ts/.
# Prints `ROW LABEL NAME MICROSECONDS EXIT-CODE` per piece of work.
label=$1
directory=$2
cd "$directory" || exit 1
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'

row() {
  local name=$1 start=${EPOCHREALTIME/./} end code
  shift
  "$@" > /dev/null 2> "$errors"
  code=$?
  end=${EPOCHREALTIME/./}
  echo "ROW $label $name $((end - start)) $code"
  if [ "$code" != 0 ]; then head -c 300 "$errors"; fi
}
read_all() { find "$1" -type f -print0 | xargs -0 cat; }
errors=${TMPDIR:-/tmp}/bench-errors.$$

# The programs are not what is measured: each of them runs once before.
{
  git --version; tar --version; find --version; xargs --version; cat --version; dd --version; rm --version
  sync --version; node -e 0
} > /dev/null 2>&1

row stream-read dd if=big.bin of=/dev/null bs=1M
row stream-write dd if=/dev/zero of=out.bin bs=1M count=128 conv=fsync
rm -f out.bin
row git-status-cold git -C git status --porcelain
row git-status-warm git -C git status --porcelain
row small-read-cold read_all small
row small-read-warm read_all small
cat small.tar > /dev/null
mkdir untar
row untar tar -xf small.tar -C untar
rm -rf untar
row typescript node ts/node_modules/typescript/lib/tsc.js -p ts
rm -f "$errors"
