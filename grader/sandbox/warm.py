"""Submissions forked from a warm parent, in the cage or outside it: a millisecond instead of a Python start."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil

import grader
from grader.errors import GraderFault
from grader.sandbox import cage, wire
from grader.sandbox.processes import (
    below,
    end_all,
    end_group,
    lives,
    mentioning,
    names_in_shared_memory,
    peer_of,
    used_below,
)
from grader.sandbox.removal import remove
from grader.timeline import Use

# Set by who started this judge: all processes and segments of shared memory below it carry this word.
RUN = "GRADER_RUN"
MARK = "GRADER_MARK"  # its value tells the processes of one warm parent, also when that has been killed
PATIENCE = 5.0  # seconds for an answer of the warm parent; it is stopped or dead when it takes longer
IMPORTS = 60.0  # the first answer comes after the imports
Answer = TypeVar("Answer")


class ParentLost(Exception):
    """The warm parent was killed or stopped. Everything below it has been ended, and the next start gets a new one."""


class _Parent:
    """One running warm parent and the socket to it. Submissions live below the process with the pid `root`."""

    def __init__(self, level: str, config: dict[str, Any], environment: Mapping[str, str]) -> None:
        run = os.environ.get(RUN, "")
        self._mark = run + secrets.token_hex(16)
        self._line, theirs = socket.socketpair()
        program = [sys.executable, "-P", "-m", "grader.sandbox.zygote", json.dumps({**config, "run": run})]
        self._process = subprocess.Popen(
            cage.command(level, Path(config["folder"]), program, config["plan"]),
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            env={**environment, MARK: self._mark},
            start_new_session=True,
            umask=0o022,
        )
        theirs.close()
        self.root = 0

    def ask(self, request: dict[str, Any], patience: float) -> dict[str, Any]:
        """Raises OSError or wire.WireError when it is dead, stopped or out of its mind."""
        if not self.root:
            self._exchange({"hello": True}, IMPORTS)
            # In the cage, bubblewrap's own process is above it; it is still alone.
            self.root = [self._process.pid, *used_below(self._process.pid)][-1]
        return self._exchange(request, patience)

    def _exchange(self, request: dict[str, Any], patience: float) -> dict[str, Any]:
        self._line.settimeout(patience)
        wire.send(self._line, request)
        return wire.receive(self._line)

    def listener(self, port: int) -> socket.socket:
        """A socket that listens on this port of the cage's loopback. Raises what `ask` raises."""
        self.ask({"listen": port}, PATIENCE)
        _, received, _, _ = socket.recv_fds(self._line, 1, 1)
        if not received:
            raise OSError("no socket came")
        return socket.socket(fileno=received[0])

    def end(self) -> None:
        """End it and all its submissions. The cage goes with its first process, and everything in it with the cage."""
        self._line.close()
        rest = below(self._process.pid)
        self._process.kill()
        self._process.wait()
        end_all(lambda: [process for process in rest if lives(process)])

    def end_adopted(self) -> None:
        """End what has lost this parent by a hostile hand; outside a cage, it can be anywhere in the tree of processes."""
        end_all(lambda: mentioning(self._mark))


class WarmLauncher:
    """Submissions are forked from one warm parent, in the cage or outside. A parent that was killed is replaced."""

    def __init__(
        self, preload: Sequence[str], level: str, environment: Mapping[str, str], hidden: Path | None = None
    ) -> None:
        """`hidden`: a folder that submissions must not see, wherever it lies: the checkout."""
        self.in_place = False
        self.level = level
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._umask: int | None = None
        self.folder: Path | None = None
        if level in cage.CONFINED:
            self.folder = Path(tempfile.mkdtemp(prefix="kata-")).resolve()
            self._environment["PYTHONPATH"] = str(_link(self.folder))
        plan = cage.plan_of(level, hidden)
        self.user: int | None = plan["user"]
        self._caged = self.forgets = bool(plan["caged"])
        if self.folder is not None:
            cage.give(self.folder, self.user, 0o710)
        if self.user is not None:  # what checks make in a submission's folder is for its group, too
            self._umask = os.umask(0o002)
        self._config = {"preload": list(preload), "folder": str(self.folder or ""), "plan": plan}
        self._parent: _Parent | None = _Parent(level, self._config, self._environment)

    def _with_parent(self, use: Callable[[_Parent], Answer]) -> Answer:
        with self._lock:
            if self._parent is None:
                raise ParentLost
            try:
                return use(self._parent)
            except (OSError, wire.WireError) as error:
                self._drop(self._parent)
                raise ParentLost from error
            except BaseException:  # a late answer would be taken for the answer to the next question
                self._drop(self._parent)
                raise

    def _ask(self, request: dict[str, Any], seconds: float = 0.0) -> dict[str, Any]:
        """The answer, which may take so many seconds longer than usual."""
        return self._with_parent(lambda parent: parent.ask(request, seconds + PATIENCE))

    def _drop(self, parent: _Parent) -> None:
        self._parent = None
        parent.end()
        parent.end_adopted()

    def start(self, config: dict[str, Any]) -> int:
        for _ in range(2):
            with contextlib.suppress(ParentLost):
                return int(self._ask({"fork": config})["pid"])
            self._parent = _Parent(self.level, self._config, self._environment)
        raise GraderFault(f"No submission can be started at the isolation level {self.level}; another may work.")

    def pid_of(self, number: int, sock: socket.socket) -> int:
        # In a cage the warm parent knows it by another number.
        return peer_of(sock) if self._caged else number

    def wait(self, number: int, seconds: float) -> int | None:
        with contextlib.suppress(ParentLost):
            code: int | None = self._ask({"wait": number, "seconds": seconds}, seconds)["status"]
            return code
        return None

    def listener(self, port: int) -> socket.socket | None:
        if not self._caged:
            return None
        with contextlib.suppress(ParentLost):
            return self._with_parent(lambda parent: parent.listener(port))
        raise GraderFault(f"The judge got no port in the network of the isolation level {self.level}.")

    def uses(self, number: int) -> dict[int, Use]:
        """All processes below the warm parent: it adopts what tried to leave the submission's tree."""
        parent = self._parent
        return used_below(parent.root) if parent and parent.root else {}

    def descendants(self, pid: int) -> list[psutil.Process]:
        parent = self._parent
        return [p for p in below(parent.root) if p.pid != pid] if parent and parent.root else []

    def shared_memory(self) -> list[str]:
        if not self._caged:
            return names_in_shared_memory()
        with contextlib.suppress(ParentLost):
            return [str(name) for name in self._ask({"shared": True})["names"]]
        return []

    def end(self, number: int) -> None:
        if not self._caged:
            end_group(number)
            end_all(lambda: self.descendants(0))
            self.wait(number, 0)
        else:
            with contextlib.suppress(ParentLost):
                self._ask({"sweep": True})

    def close(self) -> None:
        with self._lock:
            if self._parent is not None:
                self._parent.end()
                self._parent = None
        if self.folder is not None:
            remove(self.folder)
        if self._umask is not None:
            os.umask(self._umask)


def _link(folder: Path) -> Path:
    """A folder from which the package `grader` can be imported where the one that it lies in must not be listed."""
    place = folder / "path"
    place.mkdir(mode=0o755)
    (place / "grader").symlink_to(Path(grader.__file__).parent)
    return place
