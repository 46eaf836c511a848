"""No counter is shared: a slot holds a frame or None. The producer fills empty ones, the consumer empties full ones."""

from __future__ import annotations


class AudioRing:
    def __init__(self, capacity_frames: int, frame_bytes: int) -> None:
        if capacity_frames < 1 or frame_bytes < 1:
            raise ValueError("no room")
        self.frame_bytes = frame_bytes
        self.slots: list[bytes | None] = [None] * capacity_frames
        self.next_write = self.next_read = 0
        self.overruns = self.underruns = 0

    def write(self, data: bytes | memoryview) -> int:
        frames = self.check(len(data))
        for n in range(frames):
            if self.slots[self.next_write] is not None:
                self.overruns += frames - n
                return n
            self.slots[self.next_write] = bytes(data[n * self.frame_bytes : (n + 1) * self.frame_bytes])
            self.next_write = (self.next_write + 1) % len(self.slots)
        return frames

    def read_into(self, out: bytearray | memoryview) -> int:
        frames = self.check(len(out))
        found = []
        while len(found) < frames and (frame := self.slots[self.next_read]) is not None:
            found.append(frame)
            self.slots[self.next_read] = None
            self.next_read = (self.next_read + 1) % len(self.slots)
        out[:] = b"".join(found).ljust(len(out), b"\0")
        if len(found) < frames:
            self.underruns += 1
        return len(found)

    @property
    def fill(self) -> int:
        return sum(slot is not None for slot in self.slots)

    def check(self, length: int) -> int:
        if length % self.frame_bytes:
            raise ValueError(f"{length} bytes")
        return length // self.frame_bytes
