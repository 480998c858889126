# Looks for a neighbour: what this machine's own networks hold, and what other sessions might be called.
import socket
import subprocess

from sysc import emit

own = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
prefixes = sorted({a.rsplit(".", 1)[0] for a in own if "." in a} | {"198.18.0", "10.0.2", "192.0.2"})
found = []
for prefix in prefixes:
    for last in (1, 2, 3, 15):
        try:
            with socket.create_connection((f"{prefix}.{last}", 8888), 1.5) as s:
                s.settimeout(1.5)
                s.sendall(b"x\n")
                if s.recv(16):
                    found.append(f"{prefix}.{last}")
        except OSError:
            pass
emit("ESCAPED" if found else "CONTAINED", found or prefixes)
