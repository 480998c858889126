import os
import socket

from sysc import emit

marker = os.environ["NONCE"].encode()
errors = []
for family, address in ((socket.AF_INET, (os.environ["CANARY4"], 9999)), (socket.AF_INET6, (os.environ["CANARY6"], 9999))):
    for how in ("sendto", "sendmsg", "connect"):
        try:
            s = socket.socket(family, socket.SOCK_DGRAM)
            if how == "sendto":
                s.sendto(marker, address)
            elif how == "sendmsg":
                s.sendmsg([marker], [], 0, address)
            else:
                s.connect(address)
                s.send(marker)
        except OSError as error:
            errors.append(error.errno)
emit("CONTAINED", f"canary decides; errors {errors}")
