# Ground truth below TCP: prints one line for each packet to a canary address that is no ordinary TCP, and for each
# that holds the marker of a case. python3 packets.py ADDRESS... ; the marker is "nnce" and 12 characters.
import re
import socket
import sys

MARKER = re.compile(rb"nnce[0-9a-z]{12}")
watched4 = {socket.inet_pton(socket.AF_INET, a) for a in sys.argv[1:] if ":" not in a}
watched6 = {socket.inet_pton(socket.AF_INET6, a) for a in sys.argv[1:] if ":" in a}
listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
print("ready", flush=True)
while True:
    packet, where = listener.recvfrom(65536)
    if where[2] == socket.PACKET_OUTGOING or len(packet) < 16:
        continue
    if packet[0] >> 4 == 4 and len(packet) >= 20:
        destination, protocol, ours = packet[16:20], packet[9], packet[16:20] in watched4
    elif packet[0] >> 4 == 6 and len(packet) >= 40:
        destination, protocol, ours = packet[24:40], packet[6], packet[24:40] in watched6
    else:
        destination, protocol, ours = b"", 0, True
    if not ours:
        continue
    marker = MARKER.search(packet)
    # TCP to a canary is the listener's to report: an idle handshake says nothing yet.
    if marker or (destination and protocol not in (6, 58)):
        print(f"packet {where[0]} protocol={protocol} {marker.group().decode() if marker else '-'}", flush=True)
