"""Frames as rows of a numpy array, chosen by an array of positions."""

from __future__ import annotations

import numpy as np


class AudioRing:
    def __init__(self, capacity_frames: int, frame_bytes: int) -> None:
        if capacity_frames < 1 or frame_bytes < 1:
            raise ValueError("no room")
        self._rows = np.zeros((capacity_frames, frame_bytes), np.uint8)
        self._counts = np.zeros(2, np.int64)  # written, read
        self.underruns = self.overruns = 0

    def write(self, data: bytes | memoryview) -> int:
        new = self._as_rows(data)
        written = int(self._counts[0])
        count = min(len(new), len(self._rows) - (written - int(self._counts[1])))
        self._rows[np.arange(written, written + count) % len(self._rows)] = new[:count]
        self.overruns += len(new) - count
        self._counts[0] = written + count
        return count

    def read_into(self, out: bytearray | memoryview) -> int:
        target = self._as_rows(out)
        read = int(self._counts[1])
        count = min(len(target), int(self._counts[0]) - read)
        target[:count] = self._rows[np.arange(read, read + count) % len(self._rows)]
        target[count:] = 0
        self.underruns += int(count < len(target))
        self._counts[1] = read + count
        return count

    @property
    def fill(self) -> int:
        return int(self._counts[0] - self._counts[1])

    def _as_rows(self, block: bytes | bytearray | memoryview) -> np.ndarray:
        if len(block) % self._rows.shape[1]:
            raise ValueError("no whole frames")
        return np.frombuffer(block, np.uint8).reshape(-1, self._rows.shape[1])
