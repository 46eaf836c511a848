"""One bytearray that grows at its end and shrinks at its beginning; both are one step each."""

from __future__ import annotations

import queue
from time import monotonic, sleep


class AudioRing:
    def __init__(self, capacity_frames: int, frame_bytes: int) -> None:
        if capacity_frames < 1 or frame_bytes < 1:
            raise ValueError("no room")
        self.capacity, self.frame_bytes = capacity_frames, frame_bytes
        self.bytes = bytearray()
        self.underruns = 0
        self.overruns = 0
        self.last_write = 0.0

    def write(self, data: bytes | memoryview) -> int:
        if len(data) % self.frame_bytes:
            raise ValueError(len(data))
        room = self.capacity * self.frame_bytes - len(self.bytes)
        self.bytes.extend(data[:room])
        self.last_write = monotonic()
        self.overruns += max(0, len(data) - room) // self.frame_bytes
        return min(len(data), room) // self.frame_bytes

    def read_into(self, out: bytearray | memoryview) -> int:
        if len(out) % self.frame_bytes:
            raise ValueError(len(out))
        block = self.bytes[: len(out)]
        out[: len(block)] = block
        del self.bytes[: len(block)]
        for n in range(len(block), len(out)):
            out[n] = 0
        if len(block) < len(out):
            self.underruns += 1
        return len(block) // self.frame_bytes

    @property
    def fill(self) -> int:
        return len(self.bytes) // self.frame_bytes


if __name__ == "__main__":
    blocks: queue.Queue[bytes] = queue.Queue()
    blocks.put(b"aabb")
    ring = AudioRing(2, 2)
    ring.write(blocks.get())
    sleep(0.01)
    print(ring.fill, monotonic() - ring.last_write)
