"""Reading what a submission wrote: it may have left a pipe, a device or a link to a secret under the name."""

from __future__ import annotations

import os
import stat
from pathlib import Path

O_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
O_NONBLOCK = getattr(os, "O_NONBLOCK", 0)  # a pipe without a writer would hold the reader for ever
O_BINARY = getattr(os, "O_BINARY", 0)


def read_inside(folder: Path, path: Path, most: int) -> bytes | None:
    """The first `most` bytes of a regular file that lies in `folder`; None if there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_BINARY)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode) or not _lies_in(folder, path, descriptor):
        os.close(descriptor)
        return None
    with open(descriptor, "rb") as file:
        return file.read(most)


def _lies_in(folder: Path, path: Path, descriptor: int) -> bool:
    """Asked of the open file where the kernel tells: a folder above it may have become a link in the meantime."""
    link = f"/proc/self/fd/{descriptor}"
    real = Path(os.readlink(link)) if os.path.exists(link) else path.resolve()
    return real.is_relative_to(folder.resolve())
