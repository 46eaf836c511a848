"""Set up the project from a bare Python and run it: `python3 grader/bootstrap.py demo` or `... test`.

Needs only the standard library and pip. It makes `.venv` beside the project's files, installs the
locked requirements (with hashes) into it, and then runs what was asked for. Running it again is cheap:
nothing is installed while the lock file and `pyproject.toml` stay as they are.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
DEVELOPMENT = ROOT / "requirements-dev.lock"  # the same, and what the grader's own tests need
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "installed-from"


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):
        print(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    try:
        set_up(DEVELOPMENT if arguments[:1] == ["test"] else LOCK)
    except subprocess.CalledProcessError as error:
        print(
            f"Setting up failed: {' '.join(map(str, error.cmd))} ended with {error.returncode}.\n"
            "Read the lines above; a missing network is the usual reason. Nothing outside .venv was changed.",
            file=sys.stderr,
        )
        return 3
    if arguments[:1] == ["test"]:
        return subprocess.call([PYTHON, "-P", "-m", "pytest", "-q", *arguments[1:]], cwd=ROOT)
    return subprocess.call([PYTHON, "-P", "-m", "grader", *arguments], cwd=ROOT)


def set_up(lock: Path) -> None:
    """Make `.venv` and install the locked requirements, unless that was done from the very same files."""
    have = STAMP.read_text() if STAMP.exists() and PYTHON.exists() else ""
    if have in [
        stamp(file) for file in (lock, DEVELOPMENT) if file.exists()
    ]:  # copies for students have only the first
        return
    print("Setting up .venv (once, about a minute) ...", flush=True)
    # No ensurepip: Debian and Ubuntu ship it apart. The pip that is already here installs into the new folder.
    # In an activated .venv, "python3" is the one that is about to be replaced, and has no pip.
    python = getattr(sys, "_base_executable", sys.executable)
    # -P, and never in the folder where this was called: on a platform that is a student's, and may hold a `venv.py`.
    subprocess.run([python, "-P", "-m", "venv", "--clear", "--without-pip", VENV], check=True, cwd=ROOT)
    pip = [python, "-P", "-m", "pip", "--python", str(PYTHON), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True, cwd=ROOT)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], check=True, cwd=ROOT)
    STAMP.write_text(stamp(lock))


def stamp(lock: Path) -> str:
    """Tells what `.venv` was made from."""
    wanted = hashlib.sha256(lock.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    return f"{wanted} {sys.version_info.major}.{sys.version_info.minor}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
