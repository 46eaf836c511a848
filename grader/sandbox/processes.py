"""Process trees seen from outside: who is below whom, how much memory they hold, and how they are ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping

import psutil

from grader.timeline import Use

LINUX = sys.platform == "linux"
TICKS, PAGE = (os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")) if LINUX else (100, 4096)


def used_below(root: int) -> dict[int, Use]:
    """What each living process below `root` uses, nearest first.

    On Linux one pass over /proc: this is asked several times a second, and psutil takes four times as long.
    """
    if not LINUX:
        return {p.pid: Use(_resident(p)) for p in _children(root)}
    children: dict[int, list[int]] = {}
    living: dict[int, list[bytes]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            # proc(5): the command's name in brackets may hold anything; then state and parent.
            fields = file.read().rpartition(b") ")[2].split()
            children.setdefault(int(fields[1]), []).append(int(name))
            if fields[0] != b"Z":
                living[int(name)] = fields
    order = list(children.get(root, ()))
    for pid in order:  # grows while it is walked
        order += children.get(pid, ())
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    return {pid: _use(living[pid], now) for pid in order if pid in living}


def _use(fields: list[bytes], now: float) -> Use:
    """From the fields of /proc/PID/stat that follow the name: CPU times are the 12th to 15th, the start the 20th, pages the 22nd."""
    own, children = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return Use(int(fields[21]) * PAGE, own / TICKS, children / TICKS, now - int(fields[19]) / TICKS)


def cpu_of(uses: Mapping[int, Use], look: Callable[[], list[psutil.Process]]) -> float:
    """CPU seconds of a process tree so far, by the kernel's books; ended children count once they are waited for.

    `look` finds the processes where `uses` does not tell it.
    """
    if uses and all(use.cpu is not None for use in uses.values()):
        return sum((use.cpu or 0.0) + use.cpu_of_children for use in uses.values())
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in look():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                times = process.cpu_times()
                total += times.user + times.system
                total += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return total


def runs(pid: int, module: str) -> bool:
    """Does this text stand in its command line? No, where the platform does not tell it cheaply."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return module.encode() in file.read(1000)
    return False


def peer_of(sock: socket.socket) -> int:
    """The process at the other end of a Unix socket, as this one sees it; 0 where the platform does not tell."""
    if not LINUX or sock.family != socket.AF_UNIX:
        return 0
    with contextlib.suppress(OSError):
        pid, _, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        return int(pid)
    return 0


def below(root: int) -> list[psutil.Process]:
    """The living processes below `root`, nearest first."""
    found = []
    for pid in used_below(root):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(pid))
    return found


def fair_memory(pids: list[int]) -> int:
    """Bytes that these processes hold together; what several of them share counts once, where the platform tells."""
    total = 0
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            try:
                full = process.memory_full_info()
                total += getattr(full, "pss", full.uss)
            except psutil.AccessDenied:
                total += process.memory_info().rss
    return total


def mentioning(text: str) -> list[psutil.Process]:
    """Every other living process of this machine with `text` in its command line or environment, as far as we may look."""
    found = []
    for process in psutil.process_iter():
        words: list[str] = []
        for look in (process.cmdline, lambda process=process: process.environ().values()):
            with contextlib.suppress(psutil.Error, OSError):
                words += look()
        if process.pid != os.getpid() and any(text in word for word in words) and lives(process):
            found.append(process)
    return found


def end_group(pid: int) -> None:
    """Kill the process and its group."""
    if pid > 0:
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            psutil.Process(pid).kill()
            if hasattr(os, "killpg"):
                os.killpg(pid, signal.SIGKILL)


def end_all(look: Callable[[], list[psutil.Process]], seconds: float = 5.0) -> None:
    """Kill what `look` finds, until it finds nothing any more or time is up."""
    end = time.monotonic() + seconds
    while (rest := look()) and time.monotonic() < end:
        for process in rest:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.002)  # nobody announces the end of a process that is not one's own child


def lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def names_in_shared_memory() -> list[str]:
    """What lies in /dev/shm, where the platform has it."""
    return sorted(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else []


def _children(root: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [p for p in psutil.Process(root).children(recursive=True) if lives(p)]
    return []


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def internet_sockets(pid: int) -> set[str]:
    """The open TCP and UDP sockets of a process. Raises psutil.Error."""
    if not LINUX:
        connections = psutil.Process(pid).net_connections(kind="inet")
        return {f"socket on port {c.laddr.port}" if c.laddr else "socket" for c in connections}
    # psutil looks into the books of its own network; the process may have another one.
    open_now = set()
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                open_now.add(os.readlink(f"/proc/{pid}/fd/{name}"))
    found = set()
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/net/{kind}", encoding="ascii") as file:
            for line in list(file)[1:]:
                fields = line.split()  # proc(5): the second is address:port in hexadecimal, the tenth the inode
                if f"socket:[{fields[9]}]" in open_now:
                    found.add(f"socket on port {int(fields[1].rpartition(':')[2], 16)}")
    return found
