"""When the deque is empty a zero frame is put down, and the next frame may follow it: a hole in the middle.

caught-by: test_only_whole_frames_are_seen (failed)
says: "a frame among these was silence"
misconception: M03 the GIL makes my code atomic
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
        frames = [bytes(data[i : i + self._size]) for i in range(0, len(data), self._size)]
        room = self._capacity - len(self._frames)
        self._frames.extend(frames[:room])
        self._refused += max(0, len(frames) - room)
        return min(room, len(frames))

    def read_into(self, out: bytearray | memoryview) -> int:
        if len(out) % self._size != 0:
            raise ValueError("out")
        count, late = 0, False
        for at in range(0, len(out), self._size):
            try:
                out[at : at + self._size] = self._frames.popleft()
                count += 1
            except IndexError:
                out[at : at + self._size] = bytes(self._size)
                late = True
        if late:
            self._late += 1
        return count
