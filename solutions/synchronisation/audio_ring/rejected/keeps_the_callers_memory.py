"""The pieces of the caller's memoryview are stored, not their bytes.

caught-by: test_the_ring_has_its_own_bytes (failed)
says: "dd"
misconception: M13 works here, so works
"""

from __future__ import annotations


class AudioRing:
    __slots__ = ("_bytes", "_head", "_slots", "_tail", "overruns", "underruns")

    def __init__(self, capacity_frames: int, frame_bytes: int) -> None:
        if min(capacity_frames, frame_bytes) < 1:
            raise ValueError("too small")
        self._slots: list[bytes | memoryview] = [b""] * (capacity_frames + 1)
        self._bytes = frame_bytes
        self._head = self._tail = 0
        self.overruns = self.underruns = 0

    def write(self, data: bytes | memoryview) -> int:
        if len(data) % self._bytes:
            raise ValueError("no whole frames")
        tail, head = self._tail, self._head
        size, accepted = len(self._slots), 0
        for at in range(0, len(data), self._bytes):
            after = (tail + 1) % size
            if after == head:
                self.overruns += 1
                continue
            self._slots[tail] = data[at : at + self._bytes]
            tail = after
            accepted += 1
        self._tail = tail
        return accepted

    def read_into(self, out: bytearray | memoryview) -> int:
        if len(out) % self._bytes:
            raise ValueError("no whole frames")
        head, tail = self._head, self._tail
        late, taken = False, 0
        for at in range(0, len(out), self._bytes):
            if head == tail:
                out[at : at + self._bytes] = bytes(self._bytes)
                late = True
            else:
                out[at : at + self._bytes] = self._slots[head]
                head = (head + 1) % len(self._slots)
                taken += 1
        self._head = head
        self.underruns += late
        return taken

    @property
    def fill(self) -> int:
        return (self._tail - self._head) % len(self._slots)
