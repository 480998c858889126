# Ports of an allowed host that no rule names, and numbers that are no ports.
import os
import socket

from sysc import emit

said = []
for port in (22, 25, 6379, 8443, 0, 99999):
    try:
        with socket.create_connection((os.environ["ALLOW"], port), 10) as s:
            s.settimeout(10)
            s.sendall(b"x\r\n")
            said.append(s.recv(64))
    except (OSError, OverflowError) as error:
        said.append(type(error).__name__)
emit("ESCAPED" if any(b"PORT-OPEN" in text for text in said if isinstance(text, bytes)) else "CONTAINED", said)
