"""The other counter is looked at again only when nothing at all is known to be there.

caught-by: test_frames_come_out_in_order (failed)
says: "It returned 1; 2 was due"
misconception: M13 works here, so works
"""

from __future__ import annotations


class AudioRing:
    def __init__(self, capacity_frames: int, frame_bytes: int) -> None:
        if capacity_frames < 1 or frame_bytes < 1:
            raise ValueError("no room")
        self._n, self._b = capacity_frames, frame_bytes
        self._ring = [bytes(frame_bytes)] * capacity_frames
        self._w = self._r = 0
        self._w_seen = self._r_seen = 0
        self.underruns = self.overruns = 0

    def write(self, data: bytes | memoryview) -> int:
        frames, rest = divmod(len(data), self._b)
        if rest:
            raise ValueError("data")
        w = self._w
        room = self._n - (w - self._r_seen) % (2 * self._n)
        if room < frames:
            self._r_seen = self._r
            room = self._n - (w - self._r_seen) % (2 * self._n)
        stored = min(frames, room)
        for i in range(stored):
            self._ring[(w + i) % self._n] = bytes(data[i * self._b : (i + 1) * self._b])
        self._w = (w + stored) % (2 * self._n)
        self.overruns += frames - stored
        return stored

    def read_into(self, out: bytearray | memoryview) -> int:
        frames, rest = divmod(len(out), self._b)
        if rest:
            raise ValueError("out")
        r = self._r
        if self._w_seen == r:
            self._w_seen = self._w
        ready = min(frames, (self._w_seen - r) % (2 * self._n))
        parts = [self._ring[(r + i) % self._n] for i in range(ready)]
        block = b"".join(parts)
        out[:] = block + bytes(len(out) - len(block))
        self._r = (r + ready) % (2 * self._n)
        self.underruns += ready < frames
        return ready

    @property
    def fill(self) -> int:
        return (self._w - self._r) % (2 * self._n)
