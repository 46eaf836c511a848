"""Inside the submission: functions of the judge that any thread or child process can call.

Each thread of each process has a connection of its own, so calls never wait for each other here.
Nothing but the address travels when such a function is pickled for a spawned process.
"""

from __future__ import annotations

import os
import socket
import threading
from typing import Any

from grader.sandbox import wire

Address = tuple[str, ...] | str | list[Any]
_local = threading.local()


def connect(address: Any, token: str, role: str) -> socket.socket:
    """A connection to the judge: a path is a Unix socket, a pair is TCP on the loopback."""
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(address)
    else:
        sock = socket.create_connection(tuple(address))
    wire.send(sock, {"role": role, "token": token})
    return sock


class _Line:
    """One connection; closed silently when its thread ends."""

    def __init__(self, address: Any, token: str) -> None:
        self.process = os.getpid()
        self.sock = connect(address, token, "callback")

    def __del__(self) -> None:
        if hasattr(self, "sock"):
            self.sock.close()


class RemoteFunction:
    """Calls a function of the judge: plain data in, plain data out. Raises what the judge orders it to raise."""

    def __init__(self, number: int, address: Any, token: str) -> None:
        self._number, self._address, self._token = number, address, token

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        line = getattr(_local, "line", None)
        if line is None or line.process != os.getpid():
            line = _local.line = _Line(self._address, self._token)
        request = {"function": self._number, "args": wire.encode(list(args)), "kwargs": wire.encode(kwargs)}
        wire.send(line.sock, request)
        reply = wire.receive(line.sock)
        if "raise" in reply:
            name, message = reply["raise"]
            raise wire.RETURNABLE.get(name, RuntimeError)(message)
        return wire.decode(reply["value"])

    def __repr__(self) -> str:
        return f"<function of the judge {self._number}>"
