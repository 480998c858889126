eff=$(awk '/^CapEff/{print $2}' /proc/self/status); bnd=$(awk '/^CapBnd/{print $2}' /proc/self/status); nnp=$(awk '/^NoNewPrivs/{print $2}' /proc/self/status)
cp /bin/sh ./k17 2>/dev/null; chmod 4755 ./k17 2>/dev/null; uid=$(./k17 -p -c 'id -u' 2>/dev/null); rm -f k17
case "$eff/$nnp/$uid" in 0000000000000000/1/0) emit ESCAPED setuid ;; 0000000000000000/1/*) emit CONTAINED "bounding $bnd" ;; *) emit ESCAPED "CapEff $eff NoNewPrivs $nnp" ;; esac
