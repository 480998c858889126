timeout 20 python3 - <<'P' >/dev/null 2>&1 &
import os, time
children = 0
while children < 20000:
    try:
        if os.fork() == 0:
            time.sleep(4)
            os._exit(0)
        children += 1
    except OSError:
        break
P
timeout 30 python3 -c 'a = [bytearray(1 << 24) for _ in range(100000)]' >/dev/null 2>&1
emit CONTAINED 'the host decides'
