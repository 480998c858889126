# Frames with foreign addresses on every interface.
import os
import socket

from sysc import emit

marker, sent = os.environ["NONCE"].encode(), []
for _, name in socket.if_nameindex():
    for header in (b"\xff" * 6 + b"\x02\0\0\0\0\x01" + b"\x08\x06", b"\xff" * 6 + b"\x02\0\0\0\0\x02" + b"\x81\0\0\x05\x08\0"):
        try:
            s = socket.socket(17, 3, 0x0300)
            s.bind((name, 0))
            s.send(header + marker)
            sent.append(name)
        except OSError as error:
            sent.append(error.errno)
emit("CONTAINED", f"canary decides; {sent}")
