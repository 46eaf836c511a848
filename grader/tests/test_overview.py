"""The tables in the track READMEs are those of what is there."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from grader import overview
from grader.catalog import Catalog, Track
from grader.errors import GraderFault
from grader.verdict import CheckResult, ExerciseResult, Kind, Verdict

CATALOG = Catalog(Path(__file__).resolve().parents[2])


@pytest.mark.parametrize("track", CATALOG.tracks, ids=lambda track: track.name)
def test_the_table_of_a_track_counts_what_is_there(track: Track) -> None:
    wanted = {exercise.slug: overview.counts(exercise) for exercise in track.exercises}
    assert overview.counts_in(track) == wanted, f"`grader dev table {track.name}` brings it up to date"


def test_a_table_replaces_the_one_before(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"above\n{overview.BEGIN}\nold\n{overview.END}\nbelow\n")
    exercise = CATALOG.find("ticket_office")
    track = dataclasses.replace(CATALOG.tracks[0], readme=readme, exercises=(exercise,))
    checks = [
        CheckResult("test_a", "", Kind.SCHEDULES, Verdict.PASSED, 1.3, evidence={"type": "schedule", "explored": 300}),
        CheckResult("test_b", "", Kind.CORRECTNESS, Verdict.PASSED, 1.4),
    ]
    result = ExerciseResult("ticket_office", "synchronisation", Verdict.PASSED, 100, 100, 2.7, {}, tuple(checks))
    for _ in range(2):
        overview.put(track, overview.table([(exercise, result)]))
    text = readme.read_text()
    assert text.startswith("above\n")
    assert text.endswith("\nbelow\n")
    assert "old" not in text
    assert text.count("| 3 | 300 |\n") == 1
    assert overview.counts_in(track) == {"ticket_office": overview.counts(exercise)}


def test_a_readme_without_a_place_for_the_table_is_named(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("nothing here")
    with pytest.raises(GraderFault, match="no place for the table"):
        overview.put(dataclasses.replace(CATALOG.tracks[0], readme=readme), "")
