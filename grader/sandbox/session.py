"""One submission process for one check: staged, started, asked, watched, ended. Used by the judge.

The judge listens on a socket of its own; the submission connects once for control, once for its output, and once
per thread that calls a function of the judge. Every wait here has the same deadline.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import secrets
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from grader.sandbox import cage, diagnosis, limits, wire
from grader.sandbox.callbacks import Callbacks
from grader.sandbox.launch import Launcher
from grader.sandbox.outcomes import LimitReached, ProtocolBroken, SubmissionCrashed, SubmissionHung, SubmissionRaised
from grader.sandbox.processes import cpu_of, internet_sockets, peer_of, runs
from grader.sandbox.remains import LeftBehind, Remains, left_behind
from grader.sandbox.removal import remove
from grader.sandbox.warm import RUN
from grader.timeline import PROGRAM, Timeline, Use

CALLS = ("call", "scenario")  # what runs code of the submission for a check, and is told as a timeline
WRITABLE = ("work", "temp", "home", "given")  # folders in the submission's own
TAIL = 16_384  # bytes of output that are kept
MOST_CONNECTIONS = 128
READY = 0.1  # seconds that it may take to be ready for a timed call,
READY_PER_BYTE = 5e-7  # and for each byte of its arguments
TRACKER = "multiprocessing.resource_tracker"
HELPERS = (TRACKER, "multiprocessing.forkserver")  # they end with the process they serve


@dataclass(frozen=True)
class Job:
    """What to start: the student's file, given files, the scenarios' source, and the deadline (seconds)."""

    slug: str
    source: Path
    given: tuple[Path, ...]
    scenarios: str
    seconds: float
    start_method: str | None = None


def shared_memory_of(run: str) -> str:
    """How the names of all shared memory of one judge's submissions begin; four and four digits are all that Python allows."""
    return f"/k{hashlib.sha256(run.encode()).hexdigest()[:4]}"


class Session:
    def __init__(self, job: Job, launcher: Launcher, timeline: Timeline | None = None) -> None:
        self.job, self._launcher = job, launcher
        self._timeline = timeline or Timeline()
        self._timeline.name_of = self._name_of
        self.folder = Path(tempfile.mkdtemp(prefix="kata-", dir=launcher.folder)).resolve()
        self.work = self.folder / "work"
        self._deadline = time.monotonic() + job.seconds
        self._callbacks = Callbacks(self._timeline)
        self._token = secrets.token_hex(16)
        self._output = bytearray()
        self._left_out = 0
        self._connections: list[socket.socket] = []
        self._control: socket.socket | None = None
        self._lines = itertools.count(1)  # connections on which functions of the judge are called
        self._replied: float | None = None  # when the last call was answered, by the monotonic clock
        self._arrived = threading.Event()
        self._number: int | None = None  # the launcher's word for the process
        self.pid = 0  # as this process sees it; known once it has connected
        self._watch: limits.Watch | None = None
        self._shm_prefix = f"{shared_memory_of(os.environ.get(RUN, ''))}{secrets.token_hex(2)}"

    # -- start ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Stage the files and start the process. Raises SubmissionCrashed, SubmissionHung."""
        stage, stacks = self.folder / "stage", self.folder / "stacks"
        cage.give(self.folder, self._launcher.user, 0o750)
        stage.mkdir()
        stage.chmod(0o755)
        stacks.touch()
        for name in WRITABLE:
            (self.folder / name).mkdir()
            cage.give(self.folder / name, self._launcher.user, 0o770)
        self._stage(self.job.source, stage / f"{self.job.slug}.py")
        for path in self.job.given:
            self._stage(path, stage / path.name)
        scenarios = stage / "scenarios.py"
        scenarios.write_text(self.job.scenarios, encoding="utf-8")
        scenarios.chmod(0o644)
        self._listen()
        temp = str(self.folder / "temp")
        self._number = self._launcher.start(
            {
                "address": self._address,
                "token": self._token,
                "stage": str(stage),
                "work": str(self.work),
                "writable": [str(stacks), *(str(self.folder / name) for name in WRITABLE)],
                "slug": self.job.slug,
                "seconds": self.job.seconds,
                "start_method": self.job.start_method,
                "shm_prefix": self._shm_prefix,
                "diagnosis": str(stacks),
                "limits": limits.of_one_process(self.job.seconds, own_user=self._launcher.user is not None),
                "environment": {"HOME": str(self.folder / "home"), "TMPDIR": temp, "TEMP": temp, "TMP": temp},
            }
        )
        self._deadline = time.monotonic() + self.job.seconds
        self._watch = limits.Watch(self._uses, self.folder, self._end)
        self._watch.start()
        self._await_arrival()

    def _stage(self, source: Path, target: Path) -> None:
        if self._launcher.in_place:
            with contextlib.suppress(OSError):  # Windows may refuse links: then only breakpoint() stops
                target.symlink_to(source.resolve())
                return
        shutil.copyfile(source, target)
        target.chmod(0o644)

    def _await_arrival(self) -> None:
        while not self._arrived.wait(0.05):
            code = self._end_code(0) if time.monotonic() > self._deadline - self.job.seconds + 1 else None
            if code is not None:
                raise SubmissionCrashed("start", code, self.output())
            if self.remaining() <= 0:
                raise SubmissionHung("start", self.job.seconds)
        assert self._control is not None
        self.pid = self._launcher.pid_of(self._number or 0, self._control)

    def _listen(self) -> None:
        if hasattr(socket, "AF_UNIX") and os.name == "posix":
            self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._address: Any = str(self.folder / "wire")
            self._server.bind(self._address)
        else:
            self._server = socket.create_server(("127.0.0.1", 0))
            self._address = list(self._server.getsockname())
        self._server.listen(MOST_CONNECTIONS)
        threading.Thread(target=self._accept, name="accept", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            if len(self._connections) >= MOST_CONNECTIONS:
                sock.close()
                continue
            self._connections.append(sock)
            threading.Thread(target=self._serve, args=(sock,), name="serve", daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            hello = wire.receive(sock, 1024)
            token = wire.text_in(hello.get("token"), 64)
            if not secrets.compare_digest(token.encode("utf-8", "replace"), self._token.encode()):
                raise wire.WireError("a wrong token")
            role = hello.get("role")
            if role == "control" and self._control is None:
                self._control = sock
                self._arrived.set()
                return  # stays open: the check's own thread speaks on it
            if role == "output":
                self._drain(sock)
            elif role == "callback":
                caller = peer_of(sock), next(self._lines)
                while True:
                    wire.send(sock, self._callbacks.answer(wire.receive(sock, 65_536), *caller))
        except (wire.WireError, OSError):
            pass
        with contextlib.suppress(ValueError):
            self._connections.remove(sock)
        sock.close()

    def _drain(self, sock: socket.socket) -> None:
        while part := sock.recv(1 << 16):
            self._output += part
            if len(self._output) > 2 * TAIL:
                self._left_out += len(self._output) - TAIL
                del self._output[:-TAIL]

    # -- ask --------------------------------------------------------------------------------------------------------

    def remaining(self) -> float:
        return self._deadline - time.monotonic()

    def number_of(self, function: Callable[..., Any]) -> int:
        """The number under which the submission can call this function of the judge."""
        return self._callbacks.number_of(function)

    def ask(self, message: dict[str, Any], call: str) -> tuple[Any, float, float]:
        """Send a request and wait: (the answer's data, wall seconds, CPU seconds of the process tree).

        With `"timed": True` the clock of this process runs from "go", after the arguments have arrived, to the reply. Who
        takes longer to take them than that needs may be at work already: the rest is counted, too.
        """
        if message["do"] not in CALLS:
            return self._ask(message, call)
        self._replied = None
        self._timeline.begin()
        try:
            return self._ask(message, call)
        finally:
            self._timeline.end(self._replied)

    def _ask(self, message: dict[str, Any], call: str) -> tuple[Any, float, float]:
        assert self._control is not None
        seconds = cpu = 0.0
        try:
            self._control.settimeout(max(self.remaining(), 0.01))
            size = wire.send(self._control, message)
            if message.get("timed"):
                sent = time.perf_counter()
                reply = wire.receive(self._control, until=self._deadline)
                if not reply.get("ready"):
                    return self._value(reply, call), 0.0, 0.0
                late = max(0.0, time.perf_counter() - sent - READY - size * READY_PER_BYTE)
                uses = self._launcher.uses(self._number or 0)
                cpu_before = self._cpu_seconds(uses)
                self._timeline.begin(uses)
                began = time.perf_counter()
                wire.send(self._control, {"go": True})
            reply = wire.receive(self._control, until=self._deadline)
            self._replied = time.monotonic()
            if message.get("timed"):
                seconds, cpu = time.perf_counter() - began + late, self._cpu_seconds(self._uses()) - cpu_before
            return self._value(reply, call), seconds, cpu
        except TimeoutError:
            raise self.hung(call) from None
        except (wire.Closed, BrokenPipeError, ConnectionError):
            if self._watch is not None and self._watch.reached is not None:
                raise LimitReached(call, *self._watch.reached) from None
            code = self._end_code(2.0)
            time.sleep(0.02)  # the last output may still be on its way
            raise SubmissionCrashed(call, code, self.output()) from None
        except wire.WireError as error:
            raise ProtocolBroken(call, str(error)) from None

    def _value(self, reply: dict[str, Any], call: str) -> Any:
        if self._callbacks.error is not None:
            raise self._callbacks.error
        if "raised" in reply and isinstance(reply["raised"], dict):
            raise SubmissionRaised(call, wire.decode_raised(reply["raised"]))
        if "value" in reply:
            return wire.decode(reply["value"])
        if "threads" in reply:
            return left_behind(reply)
        raise wire.WireError("an answer that holds neither a value nor an exception")

    def hung(self, call: str) -> SubmissionHung:
        children = self.children()
        stacks = diagnosis.stacks_of(self.pid, self.folder / "stacks", [child.pid for child in children])
        stacks["alive"] = diagnosis.alive(children)
        return SubmissionHung(call, self.job.seconds, stacks)

    def output(self) -> str:
        text = bytes(self._output[-TAIL:]).decode("utf-8", errors="replace")
        return f"... {self._left_out / 1e6:.1f} MB left out\n{text}" if self._left_out else text

    # -- watch ------------------------------------------------------------------------------------------------------

    def _uses(self) -> dict[int, Use]:
        """What its processes use now; the timeline is told whenever somebody looks."""
        uses = self._launcher.uses(self._number) if self._number else {}
        self._timeline.look(uses)
        return uses

    def _name_of(self, pid: int) -> str:
        """For the timeline. With --debug, the submission is a thread of this process."""
        return PROGRAM if pid in (self.pid, os.getpid()) else "resource tracker" if runs(pid, TRACKER) else ""

    def _cpu_seconds(self, uses: Mapping[int, Use]) -> float:
        return cpu_of(uses, lambda: [psutil.Process(self.pid), *self._launcher.descendants(self.pid)])

    def _end_code(self, seconds: float) -> int | None:
        """The exit code of the process, None if it does not end in that time."""
        return self._launcher.wait(self._number, seconds) if self._number else None

    def children(self) -> list[psutil.Process]:
        """The submission's child processes, seen from outside, without multiprocessing's own helpers."""
        found = []
        for process in self._launcher.descendants(self.pid):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                command = " ".join(process.cmdline())
                if process.status() != psutil.STATUS_ZOMBIE and not any(helper in command for helper in HELPERS):
                    found.append(process)
        return found

    def _open_descriptors(self) -> set[str]:
        """Files and internet sockets that the submission's process holds open."""
        found: set[str] = set()
        with contextlib.suppress(psutil.Error):
            files = psutil.Process(self.pid).open_files()
            found |= {f"file {Path(f.path).name}" for f in files if Path(f.path).name != "stacks"}
            found |= internet_sockets(self.pid)
        return found

    # -- end --------------------------------------------------------------------------------------------------------

    def finish(self) -> Remains:
        """End the process politely and look at what is left. Raises SubmissionHung if it cannot end."""
        # Looked at first: when the process ends, multiprocessing's resource tracker removes what was forgotten.
        shared_memory = self._shared_memory()
        left, _, _ = self.ask({"do": "finish"}, "the end of the process")
        if not isinstance(left, LeftBehind):
            raise ProtocolBroken("the end of the process", "an answer to another question")
        remains = Remains(descriptors=sorted(self._open_descriptors()), shared_memory=shared_memory)
        remains.complaints, remains.threads, endless = left.complaints, left.threads, left.endless
        remains.processes = [f"child process {p.pid}" for p in self._lasting_children(0.8)]
        # A process with an endless thread never ends by itself; that leak is already known.
        code = self._end_code(0.1 if endless or remains.processes else min(2.0, max(self.remaining(), 0.1)))
        if code is None and not remains.threads:
            with contextlib.suppress(psutil.Error):  # what it says of its threads is its own word, this is the kernel's
                if (number := psutil.Process(self.pid).num_threads()) > 1:
                    remains.threads = [f"{number - 1} threads that the module threading does not know"]
        remains.processes = remains.processes or [f"child process {p.pid}" for p in self._lasting_children(0.5)]
        remains.files = sorted(p.name for p in (self.folder / "temp").iterdir())
        return remains

    def _lasting_children(self, grace: float) -> list[psutil.Process]:
        end = time.monotonic() + grace
        while (rest := self.children()) and time.monotonic() < end:
            psutil.wait_procs(rest, timeout=0.05)
        return rest

    def _shared_memory(self) -> list[str]:
        """Names of the segments that it made and did not unlink."""
        return [name for name in self._launcher.shared_memory() if name.startswith(self._shm_prefix[1:])]

    def _end(self) -> None:
        if self._number:
            self._launcher.end(self._number)

    def close(self) -> None:
        """End the whole process tree and remove every trace. Never raises."""
        if self._watch is not None:
            self._watch.close()
        self._end()
        if hasattr(self, "_server"):
            with contextlib.suppress(OSError):  # macOS refuses; there, closing is enough
                self._server.shutdown(socket.SHUT_RDWR)  # on Linux, closing alone leaves a thread in accept() for ever
            self._server.close()
        for sock in list(self._connections):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for path in Path("/dev/shm").glob(f"*{self._shm_prefix[1:]}*"):  # a cage has its own, and sweeps it
            with contextlib.suppress(OSError):
                path.unlink()
        remove(self.folder)
