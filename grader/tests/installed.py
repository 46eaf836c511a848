"""Environments for copies of the grader, as `bootstrap.py` makes them, but from the packages that are installed here: without a network."""

from __future__ import annotations

import hashlib
import os
import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

LEFT_OUT = ("mypy*", "ruff*", "hypothesis*", "playwright*", "__editable__*", "grader-*", "zizmor*")


def install(copy: Path) -> Path:
    """Makes `.venv` in the copy; returns its Python. A later `bootstrap.py` there finds everything done."""
    venv = copy / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = venv / "bin" / "python"
    ask = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip())
    for source in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *_user_packages()}:
        shutil.copytree(
            source, packages, copy_function=_link, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True
        )
    (packages / "grader.pth").write_text(f"{copy}\n")
    wanted = hashlib.sha256(
        (copy / "requirements.lock").read_bytes() + (copy / "pyproject.toml").read_bytes()
    ).hexdigest()
    (venv / "installed-from").write_text(f"{wanted} {sys.version_info.major}.{sys.version_info.minor}")
    return python


def run(copy: Path, command: Sequence[str], cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """With no more of this environment than a platform would have, and with what it sets itself."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "GRADER_ISOLATION") if name in os.environ}
    return subprocess.run(command, cwd=cwd or copy, env={**kept, **more}, capture_output=True, text=True, timeout=100)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _user_packages() -> list[str]:
    return [site.getusersitepackages()] if site.ENABLE_USER_SITE and Path(site.getusersitepackages()).is_dir() else []
