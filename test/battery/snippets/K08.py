# The host's own channels, spoken to by somebody else.
import glob
import os
import socket
import struct

from sysc import emit

forged = [b"\xff" * 16, b'{"type":"exit","code":0}\n', bytes(65536), b"[" * 100000, struct.pack("<IIBBH", 0xFFFFFFFF, 0, 1, 0, 0), struct.pack("<IIBBH", 4, 0, 2, 0, 0) + b"exit"]
notes = []
for name in glob.glob("/sys/class/virtio-ports/*"):
    major, minor = open(f"{name}/dev").read().split(":")
    for place in ("/tmp", "/dev", "", "/var"):
        node = f"{place}/port-{minor}"
        try:
            if not os.path.exists(node):
                os.mknod(node, 0o20600, os.makedev(int(major), int(minor)))
            descriptor = os.open(node, os.O_RDWR | os.O_NONBLOCK)
            for data in forged:
                os.write(descriptor, data)
            notes.append(f"wrote {minor}")
        except OSError as error:
            notes.append(error.errno)
for data in forged:
    try:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(2)
        s.connect("/run/agent-sandbox/host.sock")
        s.sendall(data)
        s.recv(64)
        notes.append("host.sock")
    except OSError as error:
        notes.append(error.errno)
emit("CONTAINED", f"harness decides; {notes}")
