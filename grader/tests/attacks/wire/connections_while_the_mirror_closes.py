"""Floods the mirror with half requests from threads that go on while the check ends.

attacks: test_mirror
expected: failed or hung
stopped-by: server of the judge
"""

import socket
import threading
import urllib.parse

from honest_but_wrong import *

TEXTS = (
    b"GET /0 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\0\0\xff\r\n\r\n",
    b"GET /1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    b"",
)
kept = []


def flood(port):
    while True:
        for text in TEXTS:
            try:
                line = socket.create_connection(("127.0.0.1", port))
                line.sendall(text)
                kept.append(line)
            except OSError:
                kept.clear()


def download(urls):
    port = urllib.parse.urlsplit(urls[0]).port
    for _ in range(8):
        threading.Thread(target=flood, args=(port,), daemon=True).start()
    return [b"" for _ in urls]
