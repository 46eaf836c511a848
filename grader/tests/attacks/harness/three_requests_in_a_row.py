"""One connection sends three requests at once to a server that waits for three clients.

attacks: test_mirror
expected: failed
stopped-by: server of the judge
"""

import socket
import urllib.parse

from honest_but_wrong import *


def download(urls):
    parts = [urllib.parse.urlsplit(url) for url in urls]
    with socket.create_connection((parts[0].hostname, parts[0].port)) as sock:
        for part in parts:
            sock.sendall(f"GET {part.path} HTTP/1.1\r\nHost: {part.netloc}\r\n\r\n".encode())
        data = b""
        for part in parts:
            while data.count(b"HTTP/1.1 200") <= parts.index(part):
                data += sock.recv(65536)
    return [head[-8:] for head in data.split(b"HTTP/1.1 200")[1:]]
