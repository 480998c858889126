# Services of the host and of private networks. A handshake proves nothing here: only what a service says counts.
import os
import socket

from sysc import emit

found = []
for host in ("10.0.0.1", "172.17.0.1", "192.168.0.1", "host.docker.internal", "192.0.2.1", "198.18.0.1"):
    for port in (22, 80, 8888):
        try:
            with socket.create_connection((host, port), 2) as s:
                s.settimeout(2)
                s.sendall(b"GET / HTTP/1.0\r\n\r\n")
                said = s.recv(64)
                if said:
                    found.append(f"{host}:{port}={said[:20]!r}")
        except OSError:
            pass
emit("ESCAPED" if found else "CONTAINED", found)
