# Every socket family that could reach past TCP: raw IP, GRE, SCTP, DCCP, whole frames.
import os
import socket

from sysc import emit

address, marker, tried = os.environ["CANARY4"], os.environ["NONCE"].encode(), []
for family, kind, protocol in ((2, 3, 255), (2, 3, 47), (2, 1, 132), (2, 5, 132), (2, 6, 33), (17, 3, 0x0300)):
    try:
        s = socket.socket(family, kind, protocol)
        s.settimeout(2)
        if family == 17:
            for _, name in socket.if_nameindex():
                s.bind((name, 0))
                s.send(b"\xff" * 12 + b"\x08\x00" + marker)
        elif kind == 3:
            s.sendto(marker, (address, 80))
        else:
            s.connect((address, 80))
            s.send(marker)
        tried.append("sent")
    except OSError as error:
        tried.append(error.errno)
emit("CONTAINED", f"canary decides; {tried}")
