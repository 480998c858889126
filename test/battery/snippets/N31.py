# An echo request with data, by a raw and by an unprivileged socket.
import os
import socket
import struct

from sysc import emit


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


marker = os.environ["NONCE"].encode()
head = struct.pack("!BBHHH", 8, 0, 0, 7, 1)
packet = struct.pack("!BBHHH", 8, 0, checksum(head + marker), 7, 1) + marker
sent = []
for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
    try:
        s = socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP)
        s.settimeout(1)
        s.sendto(packet, (os.environ["CANARY4"], 0))
        sent.append(int(kind))
    except OSError as error:
        sent.append(-error.errno)
emit("CONTAINED", f"canary decides; {sent}")
