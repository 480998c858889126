import socket

from sysc import emit

found = []
for cid in (2, 0, 1, 3, 4, 5):
    for port in list(range(1, 64)) + [1024, 1025, 5000, 9999, 10000]:
        try:
            s = socket.socket(40, socket.SOCK_STREAM)
            s.settimeout(0.05)
            s.connect((cid, port))
            found.append((cid, port))
        except OSError as error:
            if error.errno == 97:
                break
emit("ESCAPED" if found else "CONTAINED", found)
