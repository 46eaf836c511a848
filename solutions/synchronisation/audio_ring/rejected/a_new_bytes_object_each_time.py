"""Both sides make a new block of bytes and store it: the later one wins.

caught-by: test_only_whole_frames_are_seen (failed)
says: "Frame 1 never came out"
misconception: M03 the GIL makes my code atomic
"""

from __future__ import annotations


class AudioRing:
    def __init__(self, capacity_frames: int, frame_bytes: int) -> None:
        if capacity_frames < 1 or frame_bytes < 1:
            raise ValueError("no room")
        self._capacity, self._frame = capacity_frames, frame_bytes
        self._stored = b""
        self.underruns = self.overruns = 0

    def write(self, data: bytes | memoryview) -> int:
        if len(data) % self._frame:
            raise ValueError("no whole frames")
        room = self._capacity * self._frame - len(self._stored)
        taken = bytes(data[:room])
        self._stored = self._stored + taken
        self.overruns += (len(data) - len(taken)) // self._frame
        return len(taken) // self._frame

    def read_into(self, out: bytearray | memoryview) -> int:
        if len(out) % self._frame:
            raise ValueError("no whole frames")
        block = self._stored[: len(out)]
        self._stored = self._stored[len(block) :]
        out[:] = block + bytes(len(out) - len(block))
        if len(block) < len(out):
            self.underruns += 1
        return len(block) // self._frame

    @property
    def fill(self) -> int:
        return len(self._stored) // self._frame
