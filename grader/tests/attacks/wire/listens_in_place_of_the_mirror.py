"""Takes the mirror's port for itself, in the hope that the judge's own requests come here.

attacks: test_mirror
expected: failed
stopped-by: server of the judge
"""

import socket
import urllib.parse

from honest_but_wrong import *


def download(urls):
    port = urllib.parse.urlsplit(urls[0]).port
    for host in ("127.0.0.1", "0.0.0.0", "localhost", "::"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            try:
                server.bind((host, port))
                server.listen()
                server.settimeout(0.2)
                server.accept()
            except OSError:
                continue
    return [b"" for _ in urls]
