"""The cage's self-test, run inside it as a script: one line for each promise that does not hold, else "it holds".

Arguments: the user to become (empty: stay), a folder to write in, and a file of the outside that must not be seen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path


def broken_promises(folder: str, outside: str) -> Iterator[str]:
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    if int(status["CapEff"], 16) or int(status["CapPrm"], 16):
        yield "it has capabilities"
    if status["NoNewPrivs"] != "1":
        yield "it can gain privileges"
    if len([name for name in os.listdir("/proc") if name.isdigit()]) > 1:
        yield "it sees processes of the outside"
    if os.path.exists(outside):
        yield "it sees files of the outside"
    if os.access("/proc/sys/kernel/core_pattern", os.W_OK):
        yield "it can change settings of the kernel"
    if not os.access(folder, os.W_OK | os.X_OK) or not os.access("/dev/shm", os.W_OK | os.X_OK):
        yield "it cannot write in its own folder"
    for path in (sys.executable, __file__, os.__file__, "/etc/hosts"):
        if not os.access(path, os.R_OK):
            yield f"it cannot read {path}"


if __name__ == "__main__":
    if sys.argv[1]:
        user = int(sys.argv[1])
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    print("\n".join(broken_promises(*sys.argv[2:])) or "it holds")
