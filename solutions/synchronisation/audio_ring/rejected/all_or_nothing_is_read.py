"""A block that is not there as a whole is silence as a whole.

caught-by: test_both_sides_take_what_there_is (failed)
says: "It returned 0"
misconception: M13 works here, so works
"""

from __future__ import annotations


class AudioRing:
    def __init__(self, capacity_frames: int, frame_bytes: int) -> None:
        if capacity_frames < 1 or frame_bytes < 1:
            raise ValueError("a ring has room for at least one frame of at least one byte")
        self._capacity, self._frame = capacity_frames, frame_bytes
        self._ring = memoryview(bytearray(capacity_frames * frame_bytes))
        self._written = 0
        self._read = 0
        self.overruns = 0
        self.underruns = 0

    def write(self, data: bytes | memoryview) -> int:
        wanted = self._frames(data)
        written = self._written
        count = min(wanted, self._capacity - (written - self._read))
        first, split = self._place(written, count)
        source = memoryview(data)[: count * self._frame]
        self._ring[first : first + split] = source[:split]
        self._ring[: len(source) - split] = source[split:]
        self.overruns += wanted - count
        self._written = written + count
        return count

    def read_into(self, out: bytearray | memoryview) -> int:
        wanted = self._frames(out)
        read = self._read
        count = wanted if wanted <= self._written - read else 0
        first, split = self._place(read, count)
        length = count * self._frame
        with memoryview(out) as target:
            target[:split] = self._ring[first : first + split]
            target[split:length] = self._ring[: length - split]
            target[length:] = bytes(len(target) - length)
        if count < wanted:
            self.underruns += 1
        self._read = read + count
        return count

    @property
    def fill(self) -> int:
        return self._written - self._read

    def _frames(self, block: bytes | bytearray | memoryview) -> int:
        frames, rest = divmod(len(block), self._frame)
        if rest:
            raise ValueError(f"{len(block)} bytes are no whole frames of {self._frame}")
        return frames

    def _place(self, counter: int, count: int) -> tuple[int, int]:
        """Where the frame with this number lies in the ring, and how many of the bytes come before the ring's end."""
        first = counter % self._capacity * self._frame
        return first, min(count * self._frame, len(self._ring) - first)
