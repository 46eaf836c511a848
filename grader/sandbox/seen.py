"""What of the file system a submission may see: Python, the grader, the system's programs, and settings without secrets."""

from __future__ import annotations

import site
import sys
from collections.abc import Iterator
from pathlib import Path

TOP = tuple(map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64")))
ETC = (
    "alternatives", "ca-certificates.conf", "gai.conf", "host.conf", "hosts", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf", "protocols", "services", "ssl", "timezone",
)  # fmt: skip


def shown(hidden: Path | None = None) -> list[Path]:
    """Files and folders that submissions may read, none of them inside another.

    `hidden`: a folder of which nothing is shown but what Python needs, also where it lies in a folder that is shown: a checkout
    in /usr/src, say.
    """
    hidden = hidden.resolve() if hidden else None
    paths = [part for path in (*_python(), *_machine()) for part in _around(path, hidden)]
    kept = set(paths)
    return [path for path in dict.fromkeys(paths) if not kept.intersection(path.parents)]


def _around(path: Path, hidden: Path | None) -> Iterator[Path]:
    """The path, or all that is in it but `hidden`."""
    if hidden is None or path not in hidden.parents:
        yield path
        return
    for child in sorted(path.iterdir()):
        if child != hidden:
            yield from _around(child, hidden)


def _python() -> Iterator[Path]:
    """What Python needs to run, and of this project only the grader itself."""
    homes = {Path(sys.prefix), Path(sys.exec_prefix), Path(sys.base_prefix), Path(sys.base_exec_prefix)}
    homes |= {home.resolve() for home in homes}
    paths = [home / part for home in sorted(homes) for part in ("bin", "lib", "lib64", "pyvenv.cfg")]
    paths += [Path(place) for place in site.getsitepackages()]
    paths += [Path(site.getusersitepackages())] if site.ENABLE_USER_SITE else []
    paths += [Path(__file__).parent.parent]
    yield from filter(Path.exists, paths)


def _machine() -> Iterator[Path]:
    """The system's programs and libraries, and settings that hold no secret."""
    yield Path("/usr")
    yield from (path for path in TOP if path.is_dir() and not path.is_symlink())
    yield from filter(Path.exists, map(Path("/etc").joinpath, ETC))
    yield from filter(Path.exists, [Path("/sys/devices/system/cpu")])
