# The handshake of a WebSocket to a host that passes unread, to a judged path, and to a path that no rule lets.
import os
import socket
import ssl


def shake(host, path, trust):
    plain = socket.create_connection((host, 443), 20)
    with trust.wrap_socket(plain, server_hostname=host) as link:
        link.settimeout(20)
        link.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        answer = b""
        try:
            # A refusal leaves the connection open: it ends here, with what it says.
            while b"WS:" not in answer and b"GET https://" not in answer and (part := link.recv(65536)):
                answer += part
        except (OSError, ssl.SSLError):
            pass
        return answer.decode("latin1")


allowed, judged, denied = os.environ["ALLOW"], os.environ["RO"], os.environ["RO"]
# The variables name the origin's authority; that of the session, which judges requests, is in the guest's bundle.
origin = ssl.create_default_context()
session = ssl.create_default_context(cafile="/etc/ssl/certs/ca-certificates.crt")
answers = [
    shake(allowed, "/ws", origin),
    shake(judged, "/api/ws", session),
    shake(denied, "/admin/ws", session),
]
works = (
    all(answer.startswith("HTTP/1.1 101") for answer in answers[:2])
    and "WS:/ws" in answers[0]
    and "WS:/api/ws" in answers[1]
    and "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answers[1]
    and answers[2].startswith("HTTP/1.1 403")
    and "GET https://" in answers[2]
)
detail = "101, 101, 403" if works else str(answers)[:300].replace("|", "/")
print(f"CASE|{os.environ['ID']}|{'WORKS' if works else 'BROKEN'}|{detail}")
