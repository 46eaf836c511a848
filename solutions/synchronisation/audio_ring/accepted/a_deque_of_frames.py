"""A deque of single frames: append and popleft are one step each, and neither ever waits."""

from __future__ import annotations

import threading
import time
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
        self._producer = 0  # for a look in the debugger

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
        self._producer = threading.get_ident()
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
        found: list[bytes] = []
        wanted = len(out) // self._size
        try:
            while len(found) < wanted:
                found.append(self._frames.popleft())
        except IndexError:
            self._late += 1
        out[:] = b"".join(found) + bytes(self._size * (wanted - len(found)))
        return len(found)


def try_it() -> None:
    ring, done = AudioRing(4, 2), threading.Event()

    def play() -> None:
        while not done.is_set():
            ring.read_into(bytearray(4))
            time.sleep(0.003)

    thread = threading.Thread(target=play)
    thread.start()
    for n in range(100):
        ring.write(bytes([n, n]))
        time.sleep(0.003)
    done.set()
    thread.join()
    print(ring.underruns, ring.overruns)


if __name__ == "__main__":
    try_it()
