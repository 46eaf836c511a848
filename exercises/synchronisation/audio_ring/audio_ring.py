"""Ring buffer for a real-time callback: the stub. README.md tells the task."""

from __future__ import annotations


class AudioRing:
    """Carries frames from one producer thread to one consumer thread. Neither ever waits for the other."""

    underruns: int  # calls of read_into that had to fill up with zeros
    overruns: int  # frames that write refused

    def __init__(self, capacity_frames: int, frame_bytes: int) -> None:
        # TODO: where the bytes lie, and what each of the two threads writes down for the other one.
        raise NotImplementedError

    def write(self, data: bytes | memoryview) -> int:
        """Store as many whole frames as fit, and tell how many. Called by the producer only."""
        raise NotImplementedError

    def read_into(self, out: bytearray | memoryview) -> int:
        """Put the oldest frames into `out`, then zeros, and tell how many frames. Called by the consumer only."""
        raise NotImplementedError

    @property
    def fill(self) -> int:
        """Frames that are stored. Either of the two threads may ask."""
        raise NotImplementedError
