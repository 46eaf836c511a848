"""What is left of a submission after a polite end: what its process says of itself, and what was seen from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from grader.sandbox import wire


@dataclass
class Remains:
    """What a submission left behind after a polite end."""

    threads: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    processes: list[str] = field(default_factory=list)
    descriptors: list[str] = field(default_factory=list)
    shared_memory: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class LeftBehind:
    """What the submission's process itself says is left; `endless`: a thread among it that keeps the process alive."""

    threads: list[str]
    complaints: list[str]
    endless: bool


def left_behind(reply: dict[str, Any]) -> LeftBehind:
    """Raises WireError for what has not this form."""
    match reply:
        case {"threads": list(threads), "complaints": list(complaints)}:
            described = [_thread(thread) for thread in threads[:20]]
            texts = [wire.text_in(line, 400) for line in complaints[:20]]
            return LeftBehind([text for text, _ in described], texts, any(endless for _, endless in described))
    raise wire.WireError("a list of threads of no known form")


def _thread(data: Any) -> tuple[str, bool]:
    match data:
        case {"name": str(name), "daemon": bool(daemon), "frames": list(frames)}:
            last = wire.decode_frame(frames[-1]) if frames else None
            place = f", started or waiting at {last.file}:{last.line}" if last else ""
            return f"{'daemon thread' if daemon else 'thread'} '{name[:200]}'{place}", not daemon
    raise wire.WireError("a thread of no known form")
