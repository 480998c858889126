# SOCKS5 and SOCKS4a to the proxy, with names that end early for readers of C strings.
import os
import socket

name = f"{os.environ['BLOCK']}\0.{os.environ['ALLOW']}".encode()
port = (80).to_bytes(2, "big")
greetings = [
    b"\x05\x01\x00" + b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port,
    b"\x04\x01" + port + b"\0\0\0\1" + b"\0" + name + b"\0",
]
answers = b""
for greeting in greetings:
    try:
        with socket.create_connection(("proxy.sandbox.internal", 3128), 10) as link:
            link.sendall(greeting + f"GET / HTTP/1.0\r\nHost: {os.environ['BLOCK']}\r\n\r\n".encode())
            link.settimeout(10)
            while part := link.recv(65536):
                answers += part
    except OSError:
        pass
mark = f"ORIGIN:{os.environ['BLOCK']}"
verdict = "ESCAPED" if mark.encode() in answers else "CONTAINED"
print(f"CASE|{os.environ['ID']}|{verdict}|{len(answers)} bytes of answers")
