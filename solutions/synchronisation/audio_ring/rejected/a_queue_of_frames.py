"""queue.Queue never blocks with the nowait calls, but it has a lock inside, and waits for that.

caught-by: test_the_ring_is_built_without_anything_that_waits (failed)
says: "AudioRing uses queue.Queue"
misconception: M13 works here, so works
"""

from __future__ import annotations

import queue


class AudioRing:
    def __init__(self, capacity_frames: int, frame_bytes: int) -> None:
        if capacity_frames < 1 or frame_bytes < 1:
            raise ValueError("no room")
        self._frame = frame_bytes
        self._frames: queue.Queue[bytes] = queue.Queue(capacity_frames)
        self.underruns = self.overruns = 0

    def write(self, data: bytes | memoryview) -> int:
        if len(data) % self._frame:
            raise ValueError("no whole frames")
        stored = 0
        for at in range(0, len(data), self._frame):
            try:
                self._frames.put_nowait(bytes(data[at : at + self._frame]))
                stored += 1
            except queue.Full:
                self.overruns += 1
        return stored

    def read_into(self, out: bytearray | memoryview) -> int:
        if len(out) % self._frame:
            raise ValueError("no whole frames")
        found = []
        while len(found) < len(out) // self._frame:
            try:
                found.append(self._frames.get_nowait())
            except queue.Empty:
                self.underruns += 1
                break
        out[:] = b"".join(found).ljust(len(out), b"\0")
        return len(found)

    @property
    def fill(self) -> int:
        return self._frames.qsize()
