"""Each ring has a thread of its own, which brings the frames to the other side.

caught-by: test_the_ring_is_built_without_anything_that_waits (failed)
says: "AudioRing uses threading.Event"
misconception: M01 starting is running at the same time
"""

from __future__ import annotations

import threading
from collections import deque


class AudioRing:
    def __init__(self, capacity_frames: int, frame_bytes: int) -> None:
        if capacity_frames < 1 or frame_bytes < 1:
            raise ValueError("no room")
        self._frame = frame_bytes
        self._frames: deque[bytes] = deque()
        self._new: deque[bytes] = deque()
        self._capacity = capacity_frames
        self._go = threading.Event()
        threading.Thread(target=self._pump, daemon=True).start()
        self.underruns = self.overruns = 0

    def _pump(self) -> None:
        while True:
            self._go.wait()
            self._go.clear()
            while self._new:
                self._frames.append(self._new.popleft())

    def write(self, data: bytes | memoryview) -> int:
        if len(data) % self._frame:
            raise ValueError("no whole frames")
        frames = [bytes(data[at : at + self._frame]) for at in range(0, len(data), self._frame)]
        room = self._capacity - self.fill
        self._new.extend(frames[:room])
        self._go.set()
        self.overruns += len(frames[room:])
        return len(frames[:room])

    def read_into(self, out: bytearray | memoryview) -> int:
        if len(out) % self._frame:
            raise ValueError("no whole frames")
        found = []
        while self._frames and len(found) < len(out) // self._frame:
            found.append(self._frames.popleft())
        out[:] = b"".join(found).ljust(len(out), b"\0")
        self.underruns += len(found) < len(out) // self._frame
        return len(found)

    @property
    def fill(self) -> int:
        return len(self._new) + len(self._frames)
