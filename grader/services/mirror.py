"""A real HTTP server in the judge, with latency and faults to order; it counts and times what its clients do.

A request is counted out just before the last byte of its reply is sent: counted later, an honest client that begins
its next request at once would be accused. A request whose client went away ends at once (handler cancellation).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.errors import GraderFault
from grader.timeline import Timeline

if TYPE_CHECKING:  # aiohttp takes half a second to import, and only exercises with a server need it
    from aiohttp import web

CHUNK = 1 << 16
PATIENCE = 30.0  # seconds a gate without a number holds its callers at most


@dataclass
class Seen:
    """A request: seconds on the judge's monotonic clock; `given_up` when the client went away before the end."""

    path: str
    method: str
    host: str
    began: float
    ended: float | None = None
    given_up: bool = False
    result: str = "open"  # the status that was sent, "cut" where the check wanted that, "given up" by the client


class Gate:
    """Holds replies until `number` requests wait at once (then `met`), until `open()`, or for `seconds`."""

    def __init__(self, mirror: Mirror, number: int | None, seconds: float) -> None:
        self._mirror, self._number, self.seconds = mirror, number, seconds
        self._event = asyncio.Event()
        self.waiting = 0
        self.most = 0
        self.met = False

    def open(self) -> None:
        """Let everybody through from now on."""
        self._mirror.call(self._event.set)

    async def enter(self) -> None:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        if self._number is not None and self.waiting >= self._number:
            self.met = True
            self._event.set()
        self._mirror.changed()
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._event.wait(), self.seconds)
            self._event.set()  # one wait in vain is enough
        finally:
            self.waiting -= 1


@dataclass(frozen=True)
class Reply:
    body: bytes = b""
    delay: float = 0.0
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    fail_first: int = 0
    reset_after: int | None = None
    drip: tuple[int, float] | None = None
    hold: Gate | None = None


class Mirror:
    """Start with `start()`, end with `close()`; the server lives in a thread of its own.

    `elsewhere(port)` gives a socket that listens on the same port of the loopback that the submission sees; None where it
    sees this machine's. So one address reaches the mirror from both sides.
    """

    def __init__(
        self,
        elsewhere: Callable[[int], socket.socket | None] = lambda port: None,
        timeline: Timeline | None = None,
    ) -> None:
        self._elsewhere = elsewhere
        self._timeline = timeline or Timeline()
        self._replies: dict[str, Reply] = {}
        self._counts: dict[str, int] = {}
        self._open: dict[str, int] = {}
        self._most: dict[str, int] = {}
        self._change = threading.Condition()
        self.log: list[Seen] = []
        self.most_open = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mirror", daemon=True)

    def start(self) -> None:
        """Raises GraderFault when it gets no port."""
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        except OSError as error:
            self._end_loop()
            raise GraderFault(
                f"The judge's HTTP server got no port on 127.0.0.1: {error.strerror or error}. "
                "Is the loopback up, and are ports and descriptors left (ss -s, ulimit -n)?"
            ) from error

    async def _listen(self) -> None:
        from aiohttp import web

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        server = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = server.getsockname()[1]
        await web.SockSite(self._runner, server).start()
        if (theirs := self._elsewhere(self.port)) is not None:
            await web.SockSite(self._runner, theirs).start()

    def close(self) -> None:
        """Never raises: what hostile clients leave open must not look like a fault of the judge."""
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(10)
        self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _shut(self) -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await self._runner.cleanup()
        for _ in range(3):  # a connection that came in the meantime gets its transport, and closes it
            await asyncio.sleep(0)

    def call(self, function: Callable[[], Any]) -> None:
        self._loop.call_soon_threadsafe(function)

    # -- what checks order ------------------------------------------------------------------------------------------

    def serve(
        self,
        path: str,
        body: bytes = b"",
        *,
        delay: float = 0.0,
        status: int = 200,
        headers: dict[str, str] | None = None,
        content_type: str = "application/octet-stream",
        fail_first: int = 0,
        reset_after: int | None = None,
        drip: tuple[int, float] | None = None,
        hold: Gate | None = None,
    ) -> str:
        """Answer `path` with this; returns its URL. `delay` is seconds, `drip` is (bytes, seconds between them)."""
        fields = {"Content-Type": content_type, **(headers or {})}
        self._replies[path] = Reply(body, delay, status, tuple(fields.items()), fail_first, reset_after, drip, hold)
        return self.url(path)

    def gate(self, number: int | None, seconds: float | None = None) -> Gate:
        return Gate(self, number, seconds if seconds is not None else 2.0 if number is not None else PATIENCE)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def refused_url(self, path: str = "/nobody") -> str:
        """A URL whose port nobody listens on: bound for a moment, then given back."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        return f"http://127.0.0.1:{port}{path}"

    # -- what checks ask --------------------------------------------------------------------------------------------

    def requests(self, path: str) -> int:
        return self._counts.get(path, 0)

    @property
    def open_now(self) -> int:
        return sum(self._open.values())

    def most_open_at(self, host: str) -> int:
        return self._most.get(host, 0)

    def reset_counts(self) -> None:
        self._counts.clear()
        self._most.clear()
        self.log.clear()
        self.most_open = 0

    def wait_until(self, condition: Callable[[], bool], seconds: float = 2.0) -> bool:
        with self._change:
            return self._change.wait_for(condition, seconds)

    def changed(self) -> None:
        with self._change:
            self._change.notify_all()

    # -- the server -------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        # Two turns of the loop, so that connections closed before this request came are counted out first.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        path, host = request.path, (request.host or "").partition(":")[0]
        seen = Seen(path, request.method, host, time.monotonic())
        self._count_in(seen)
        noted = self._timeline.request(f"{seen.method} {path}")
        try:
            return await self._answer(request, seen)
        finally:
            if seen.ended is None:
                seen.given_up, seen.result = True, "given up"
            self._count_out(seen)
            self._timeline.close(noted, seen.result, seen.ended)

    def _count_in(self, seen: Seen) -> None:
        self.log.append(seen)
        self._counts[seen.path] = self._counts.get(seen.path, 0) + 1
        self._open[seen.host] = self._open.get(seen.host, 0) + 1
        self._most[seen.host] = max(self._most.get(seen.host, 0), self._open[seen.host])
        self.most_open = max(self.most_open, self.open_now)
        self.changed()

    def _count_out(self, seen: Seen) -> None:
        if seen.ended is None:
            seen.ended = time.monotonic()
            self._open[seen.host] -= 1
            self.changed()

    async def _answer(self, request: web.Request, seen: Seen) -> web.StreamResponse:
        from aiohttp import web

        reply = self._replies.get(seen.path, Reply(b"not here", status=404))
        if reply.hold is not None:
            await reply.hold.enter()
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if self._counts.get(seen.path, 0) <= reply.fail_first:
            reply = Reply(b"busy, try again", status=503)
        seen.result = str(reply.status)
        response = web.StreamResponse(status=reply.status, headers=dict(reply.headers))
        response.content_length = len(reply.body)
        if request.method == "HEAD" or not reply.body:
            self._count_out(seen)
        await response.prepare(request)
        if request.method != "HEAD" and reply.body:
            await self._body(request, response, reply, seen)
        return response

    async def _body(self, request: web.Request, response: web.StreamResponse, reply: Reply, seen: Seen) -> None:
        body = reply.body
        if reply.reset_after is not None:
            await response.write(body[: reply.reset_after])
            seen.result = "cut"
            self._count_out(seen)
            _reset(request)
            return
        last = max(0, len(body) - 1)
        if reply.drip is not None:
            size, pause = reply.drip
            for start in range(0, last, size):
                await response.write(body[start : min(start + size, last)])
                await asyncio.sleep(pause)
        else:
            for start in range(0, last, CHUNK):
                await response.write(body[start : min(start + CHUNK, last)])
        self._count_out(seen)
        await response.write(body[last:])


def _reset(request: web.Request) -> None:
    """Drop the connection with a TCP reset, as a crashing server does."""
    if request.transport is not None:
        sock = request.transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
