"""Blocks are stored as they came, and what does not fit into out is thrown away.

caught-by: test_frames_come_out_in_order (failed)
says: "It returned 0; 1 was due"
misconception: M13 works here, so works
"""

from __future__ import annotations

from collections import deque


class AudioRing:
    def __init__(self, capacity_frames: int, frame_bytes: int) -> None:
        if capacity_frames < 1:
            raise ValueError("capacity_frames")
        if frame_bytes < 1:
            raise ValueError("frame_bytes")
        self._capacity = capacity_frames
        self._size = frame_bytes
        self._frames: deque[bytes] = deque()
        self._refused = 0
        self._late = 0

    @property
    def underruns(self) -> int:
        return self._late

    @property
    def overruns(self) -> int:
        return self._refused

    @property
    def fill(self) -> int:
        return len(self._frames)

    def write(self, data: bytes | memoryview) -> int:
        if len(data) % self._size != 0:
            raise ValueError("data")
        if len(self._frames) == self._capacity:
            self._refused += len(data) // self._size
            return 0
        self._frames.append(bytes(data))
        return len(data) // self._size

    def read_into(self, out: bytearray | memoryview) -> int:
        if len(out) % self._size != 0:
            raise ValueError("out")
        block = b""
        if self._frames:
            block = self._frames.popleft()[: len(out)]
        if len(block) < len(out):
            self._late += 1
        out[:] = block + bytes(len(out) - len(block))
        return len(block) // self._size
