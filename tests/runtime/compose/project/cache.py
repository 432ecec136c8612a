"""Keeps a count in a volume, by lines over TCP; with `ping` it is the client that asks if it is well."""

import pathlib
import socket
import socketserver
import sys

KEPT = pathlib.Path("/data/count")


class Cache(socketserver.StreamRequestHandler):
    """`more` counts on, anything else only tells."""

    def handle(self) -> None:
        """Answer each line."""
        for line in self.rfile:
            count = int(KEPT.read_text()) if KEPT.exists() else 0
            if line.strip() == b"more":
                count += 1
                KEPT.write_text(str(count))
            self.wfile.write(f"{count}\n".encode())


class Server(socketserver.ThreadingTCPServer):
    """At once again after its end."""

    allow_reuse_address = True
    daemon_threads = True


if sys.argv[1:] == ["ping"]:
    with socket.create_connection(("127.0.0.1", 6000), timeout=1) as server:
        server.sendall(b"tell\n")
        sys.exit(0 if server.recv(10) else 1)
Server(("", 6000), Cache).serve_forever()
