"""The self-test of an isolation level, run as its first process: one line for each promise that does not hold, else "it holds".

Arguments: the plan (`cage.plan_of`, as JSON), a folder to write in, and a file of the outside that must not be seen.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from grader.sandbox import confine

SECCOMP_FILTER = "2"  # proc(5)


def broken_promises(caged: bool, folder: str, outside: str) -> Iterator[str]:
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    if int(status["CapEff"], 16) or int(status["CapPrm"], 16):
        yield "it has capabilities"
    if status["NoNewPrivs"] != "1":
        yield "it can gain privileges"
    if status["Seccomp"] != SECCOMP_FILTER:
        yield "it has all system calls"
    if caged and len([name for name in os.listdir("/proc") if name.isdigit()]) > 1:
        yield "it sees processes of the outside"
    if caged and [name for _, name in socket.if_nameindex()] != ["lo"]:
        yield "it sees the network of the outside"
    if _readable(outside):
        yield "it sees files of the outside"
    if os.access("/proc/sys/kernel/core_pattern", os.W_OK) and _writable("/proc/sys/kernel/core_pattern"):
        yield "it can change settings of the kernel"
    if not _writable(f"{folder}/probe") or not _writable("/dev/shm/grader-probe"):
        yield "it cannot write in its own folder"
    for path in (sys.executable, __file__, os.__file__, "/etc/hosts"):
        if not _readable(path):
            yield f"it cannot read {path}"


def _readable(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError:
        return False
    return True


def _writable(path: str) -> bool:
    """Opens the file to write, and makes it if there is none; what it has made it removes."""
    made = not os.path.exists(path)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError:
        return False
    if made:
        os.unlink(path)
    return True


def main(plan: dict[str, object], folder: str, outside: str) -> None:
    caged, size, user = bool(plan["caged"]), plan["furnish"], plan["user"]
    if isinstance(size, int):
        confine.furnish(size)
    calls = confine.SystemCalls()
    if isinstance(user, int):
        confine.become(user)
    confine.confine([*plan["shown"], folder], [folder, *plan["scratch"]], calls)  # type: ignore[misc]
    if caged:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
            pass  # the loopback works
    print("\n".join(broken_promises(caged, folder, outside)) or "it holds")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), *sys.argv[2:])
