"""The last report and the submissions that it is about, kept so that it can be shown again in another form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from grader.catalog import state_folder
from grader.errors import UsageError
from grader.verdict import Report, from_json, to_json, write_atomically

Sources = Mapping[str, str]


def sources_of(submissions: Iterable[Path]) -> dict[str, str]:
    """The texts of these files by their SHA-256, by which a report names them. What cannot be read is left out."""
    found = {}
    for path in submissions:
        try:
            content = path.read_bytes()
        except OSError:
            continue
        found[hashlib.sha256(content).hexdigest()] = content.decode("utf-8", errors="replace")
    return found


def keep(root: Path, report: Report, sources: Sources) -> None:
    """Raises OSError."""
    write_atomically(_report(root), to_json(report))
    write_atomically(_sources(root), json.dumps(sources))


def latest(root: Path) -> tuple[Report, Sources]:
    """Raises UsageError when there is none."""
    try:
        report = from_json(_report(root).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError("Nothing was checked here yet. Run `grader check NAME` first.") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"The last report cannot be read: {error}. Run `grader check NAME` again.") from error
    return report, _kept_sources(root)


def _kept_sources(root: Path) -> Sources:
    try:
        found = json.loads(_sources(root).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # the report stands without them
    return {str(name): str(text) for name, text in found.items()} if isinstance(found, dict) else {}


def _report(root: Path) -> Path:
    return state_folder(root) / "report.json"


def _sources(root: Path) -> Path:
    return state_folder(root) / "sources.json"
