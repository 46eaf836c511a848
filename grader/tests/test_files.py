"""Reading what a submission wrote."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.sandbox.files import read_inside


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret").write_text("secret")
    return inside


@pytest.mark.parametrize("most", [3, 4, 100])
def test_a_file_is_read_up_to_a_limit(folder: Path, most: int) -> None:
    (folder / "file").write_bytes(b"abcd")
    assert read_inside(folder, folder / "file", most) == b"abcd"[:most]


def test_a_file_in_a_folder_inside_is_read(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "file").write_bytes(b"")
    assert read_inside(folder, folder / "deep" / ".." / "deep" / "file", 10) == b""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names and few links here")
@pytest.mark.parametrize(
    "make",
    [
        lambda path: None,
        lambda path: path.mkdir(),
        lambda path: os.mkfifo(path),
        lambda path: path.symlink_to("../secret"),
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to("file"),
    ],
    ids=["nothing", "folder", "pipe", "link to a secret", "link to a device", "link to itself"],
)
def test_anything_else_is_no_file(folder: Path, make: Callable[[Path], object]) -> None:
    make(folder / "file")
    assert read_inside(folder, folder / "file", 10) is None


def test_a_path_that_leads_out_is_no_file(folder: Path) -> None:
    (folder / "out").symlink_to("..")
    assert read_inside(folder, folder / "out" / "secret", 10) is None
    assert read_inside(folder, folder / ".." / "secret", 10) is None
    assert read_inside(folder, Path("bad\0name"), 10) is None
