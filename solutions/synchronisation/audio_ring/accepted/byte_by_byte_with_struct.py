"""One block of memory, as processes could share it: two 64-bit counters of bytes in a header, then the ring."""

from __future__ import annotations

import struct

WRITTEN, READ, HEADER = 0, 8, 16


class AudioRing:
    def __init__(self, capacity_frames: int, frame_bytes: int) -> None:
        if capacity_frames <= 0 or frame_bytes <= 0:
            raise ValueError
        self.frame, self.size = frame_bytes, capacity_frames * frame_bytes
        self.memory = bytearray(HEADER + self.size)
        self.underruns = self.overruns = 0

    def get(self, place: int) -> int:
        return int(struct.unpack_from("<Q", self.memory, place)[0])

    def write(self, data: bytes | memoryview) -> int:
        if len(data) % self.frame:
            raise ValueError
        written = self.get(WRITTEN)
        room = self.size - (written - self.get(READ))
        accepted = len(data) if len(data) < room else room
        for byte in data[:accepted]:
            self.memory[HEADER + written % self.size] = byte
            written += 1
        struct.pack_into("<Q", self.memory, WRITTEN, written)
        self.overruns += (len(data) - accepted) // self.frame
        return accepted // self.frame

    def read_into(self, out: bytearray | memoryview) -> int:
        if len(out) % self.frame:
            raise ValueError
        read = self.get(READ)
        ready = self.get(WRITTEN) - read
        for n in range(len(out)):
            out[n] = self.memory[HEADER + (read + n) % self.size] if n < ready else 0
        got = min(ready, len(out))
        struct.pack_into("<Q", self.memory, READ, read + got)
        if got < len(out):
            self.underruns += 1
        return got // self.frame

    @property
    def fill(self) -> int:
        return (self.get(WRITTEN) - self.get(READ)) // self.frame
