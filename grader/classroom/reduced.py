"""Texts of this project, reduced to what stands in a copy: some exercises, and nothing that only authors need."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections.abc import Collection, Iterable

from grader.errors import GraderFault

BUILD = ("setuptools", "wheel")  # pip builds with what is there, and fetches nothing beside the lock file
AUTHORS_COLUMNS = ("accepted", "rejected")
AUTHORS_SECTIONS = ("dependency-groups", "tool.ruff", "tool.mypy")


def track_toml(text: str, slugs: Iterable[str]) -> str:
    """With this order of exercises."""
    order = ", ".join(f'"{slug}"' for slug in slugs)
    made, count = re.subn(r"^order = \[[^\]]*\]", f"order = [{order}]", text, flags=re.MULTILINE)
    if count != 1:
        raise GraderFault("A track.toml has no 'order = [...]' of its own, so it cannot be reduced. Mend that file.")
    return made


def track_readme(text: str, slugs: Collection[str]) -> str:
    """Without other exercises in the reading order and in the table, and without the columns that count solutions."""
    lines: list[str] = []
    number, columns = 0, None
    for line in text.split("\n"):
        if item := re.match(r"\d+\. \[(\w+)\]\(", line):
            if item[1] not in slugs:
                continue
            number += 1
            line = re.sub(r"^\d+", str(number), line)
        row = re.match(r"\| \[(\w+)\]\(", line)
        if row and row[1] not in slugs:
            continue
        cells = line.strip("|").split("|") if line.startswith("|") else None
        if cells is None:
            columns = None
        else:
            columns = columns or [i for i, cell in enumerate(cells) if cell.strip() not in AUTHORS_COLUMNS]
            line = f"|{'|'.join(cells[i] for i in columns if i < len(cells))}|"
        lines.append(line)
    return "\n".join(lines)


def pyproject(text: str) -> str:
    """Without the tools of authors; `pytest` alone runs the checks of the exercises."""
    sections = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    kept = [part for part in sections if not part.startswith(tuple(f"[{name}" for name in AUTHORS_SECTIONS))]
    return re.sub(r"^testpaths = .*$", 'testpaths = ["tests"]', "".join(kept).rstrip() + "\n", flags=re.MULTILINE)


def lock(text: str, settings: str) -> str:
    """Only what `dependencies` in `settings` (a pyproject.toml) needs, by what the installed packages say, for every platform."""
    wanted = {*BUILD, *map(_name, tomllib.loads(settings)["project"]["dependencies"])}
    missing = list(wanted)
    while missing:
        for name in _needs(missing.pop()) - wanted:
            wanted.add(name)
            missing.append(name)
    blocks = re.split(r"^(?=\S)", text, flags=re.MULTILINE)
    return "".join(block for block in blocks if _name(block) in wanted)


def _needs(package: str) -> set[str]:
    """With those of other platforms and Pythons, without those of extras."""
    try:
        requirements = importlib.metadata.requires(package) or []
    except importlib.metadata.PackageNotFoundError:  # for another platform: none of these needs anything itself
        return set()
    return {_name(line) for line in requirements if "extra ==" not in line}


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else ""
