"""A chain of nodes: the producer appends at its end, the consumer goes on at its beginning; counters bound it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Node:
    frame: bytes = b""
    after: Node | None = None


@dataclass
class Counter:
    """Of one writer."""

    value: int = 0

    def add(self, n: int) -> None:
        self.value += n


class AudioRing:
    def __init__(self, capacity_frames: int, frame_bytes: int) -> None:
        if capacity_frames < 1 or frame_bytes < 1:
            raise ValueError("both must be positive")
        self._capacity, self._frame_bytes = capacity_frames, frame_bytes
        self._first = self._last = Node()  # the first one has been read already
        self._in, self._out = Counter(), Counter()
        self._refused, self._late = Counter(), Counter()

    overruns = property(lambda self: self._refused.value)
    underruns = property(lambda self: self._late.value)

    @property
    def fill(self) -> int:
        return self._in.value - self._out.value

    def write(self, data: bytes | memoryview) -> int:
        frames = self._cut(data)
        room = self._capacity - self.fill
        for frame in frames[:room]:
            node = Node(bytes(frame))
            self._last.after = node
            self._last = node
        stored = len(frames[:room])
        self._refused.add(len(frames) - stored)
        self._in.add(stored)
        return stored

    def read_into(self, out: bytearray | memoryview) -> int:
        places = self._cut(memoryview(out))
        ready = self.fill
        for place in places[:ready]:
            assert self._first.after is not None
            self._first = self._first.after
            place[:] = self._first.frame
        for place in places[ready:]:
            place[:] = bytes(len(place))
        taken = len(places[:ready])
        self._late.add(taken < len(places))
        self._out.add(taken)
        return taken

    def _cut(self, block: bytes | memoryview) -> list[memoryview]:
        if len(block) % self._frame_bytes:
            raise ValueError("a frame is cut")
        view = memoryview(block)
        return [view[at : at + self._frame_bytes] for at in range(0, len(view), self._frame_bytes)]
