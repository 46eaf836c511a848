"""What was handed in: found, and given to the right person, whatever is in it."""

from __future__ import annotations

import errno
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.catalog import Catalog
from grader.classroom import collect, regrade
from grader.classroom.archives import Budget, Damaged, unpack
from grader.classroom.collect import Collector, Problem
from grader.classroom.results import HandedIn, Person
from grader.classroom.roster import read_roster
from grader.cli_regrade import file_names
from grader.errors import UsageError
from grader.tests.handed import RIGHT, WRONG, put
from grader.verdict import Verdict


def found(checkout: Path, folder: Path, roster: list[Person] | None = None) -> tuple[list[HandedIn], list[str]]:
    catalog = Catalog(checkout)
    collector = Collector(catalog, catalog.exercises, folder.with_name("unpacked"), roster or [])
    return collector.collect(folder), collector.notes


def names(handed: list[HandedIn]) -> list[tuple[str, str]]:
    return [(one.person.identifier, one.slug) for one in handed]


def test_repositories_folders_files_and_zips_belong_to_people(checkout: Path, handed_in: Path) -> None:
    put(handed_in / "course-ada" / "exercises/threads/doubled/doubled.py")
    put(handed_in / "grace" / "tripled.py")
    put(handed_in / "hopperalan_12_345_doubled-1.py")
    put(handed_in / "Kurt G_99_assignsubmission_file_" / "doubled.py")
    with zipfile.ZipFile(handed_in / "edsger.zip", "w") as archive:
        archive.writestr("work/doubled.py", WRONG)
    handed, notes = found(checkout, handed_in)
    assert names(handed) == [
        ("course-ada", "doubled"), ("edsger", "doubled"), ("grace", "tripled"), ("hopperalan", "doubled"), ("Kurt G", "doubled"),
    ]  # fmt: skip
    assert notes == []


def test_the_roster_knows_repositories_by_the_end_of_their_names(checkout: Path, handed_in: Path) -> None:
    put(handed_in / "course-ada" / "exercises/threads/doubled/doubled.py")
    ada = Person("Ada", "Ada Lovelace", "ada@example.org")
    handed, _ = found(checkout, handed_in, [ada])
    assert handed[0].person == ada


def test_a_link_is_not_followed(checkout: Path, handed_in: Path, tmp_path: Path) -> None:
    secret = put(tmp_path / "secret.py")
    (handed_in / "eve").mkdir()
    (handed_in / "eve" / "doubled.py").symlink_to(secret)
    (handed_in / "mallory").symlink_to(put(tmp_path / "elsewhere" / "doubled.py").parent)
    assert found(checkout, handed_in)[0] == []


def zipped(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, WRONG)
    return path


@pytest.mark.parametrize(
    "inside",
    [
        ["hw/hw-ada/exercises/threads/doubled/doubled.py", "hw/hw-bob/exercises/threads/doubled/doubled.py"],
        ["Ada_1_assignsubmission_file_/doubled.py", "Bob_2_assignsubmission_file_/doubled.py"],
        ["ada_1_2_doubled.py", "bob_3_4_doubled.py"],
        ["ada/doubled.py", "bob/doubled.py"],  # which only the roster knows
    ],
    ids=["repositories", "Moodle", "Canvas", "roster"],
)
def test_the_zip_of_a_whole_class_is_many_people(checkout: Path, handed_in: Path, inside: list[str]) -> None:
    zipped(handed_in / "submissions.zip", *inside)
    put(handed_in / "roster.csv", "identifier")  # beside it, and nobody's work
    handed, notes = found(checkout, handed_in, [Person("ada"), Person("bob")])
    assert [one.person for one in handed] == [Person("ada"), Person("bob")]
    assert notes == []


def test_one_of_many_zips_is_one_persons_whatever_names_are_in_it(checkout: Path, handed_in: Path) -> None:
    zipped(handed_in / "mallory.zip", "ada/doubled.py", "ada_doubled.py", "Ada_1_assignsubmission_file_/doubled.py")
    put(handed_in / "ada" / "doubled.py", RIGHT)
    handed, notes = found(checkout, handed_in, [Person("ada"), Person("bob")])
    assert names(handed) == [("ada", "doubled"), ("mallory", "doubled")]
    assert handed[0].path.read_text() == RIGHT
    assert "mallory.zip looks like the work of several people." in notes[0]


@pytest.mark.parametrize(
    ("paths", "people"),
    [
        (["group_1/doubled.py", "group_2/doubled.py"], ["group_1", "group_2"]),
        (["group_1_doubled.py", "group_2_doubled.py"], ["group_1", "group_2"]),
        (
            ["Kim_1_assignsubmission_file_/doubled.py", "Kim_2_assignsubmission_file_/doubled.py"],
            ["Kim (1)", "Kim (2)"],
        ),
        (["kim_1_9_doubled.py", "kim_LATE_2_8_doubled.py"], ["kim (1)", "kim (2)"]),
        (["kim_1_9_doubled.py", "kim_LATE_1_8_tripled.py"], ["kim", "kim"]),
        (["Kim_1_assignsubmission_file_doubled.py"], ["Kim"]),
        (["Ada/doubled.py", "ada/doubled.py"], ["Ada", "ada"]),
    ],
)
def test_nobody_takes_anybody_elses_place(checkout: Path, handed_in: Path, paths: list[str], people: list[str]) -> None:
    for number, path in enumerate(paths):
        put(handed_in / path, f"{WRONG}# {number}")
    handed, _ = found(checkout, handed_in)
    assert sorted(one.person.identifier for one in handed) == people


@pytest.mark.parametrize(
    "others",
    [["test_doubled.py", "tests/test_doubled.py"], ["old/doubled.py"], ["my_doubled.py"], ["a/b/doubled (7).py"]],
)
def test_the_file_in_its_place_counts(checkout: Path, handed_in: Path, others: list[str]) -> None:
    for path in others:
        put(handed_in / "ada" / path)
    put(handed_in / "ada" / "doubled.py", RIGHT)
    handed, notes = found(checkout, handed_in)
    assert [one.path for one in handed] == [handed_in / "ada" / "doubled.py"]
    assert len(notes) == (not others[0].startswith("test_"))


def test_of_files_that_were_handed_in_again_the_last_one_counts_and_it_is_told(checkout: Path, handed_in: Path) -> None:
    for number, end in enumerate(("-10", "", "-9")):
        put(handed_in / f"ada_1_2_doubled{end}.py", f"{WRONG}# {number}")
    for number, end in enumerate((" (1)", "")):
        put(handed_in / "bob" / f"doubled{end}.py", f"{WRONG}# {number}")
    handed, notes = found(checkout, handed_in)
    assert [one.path.name for one in handed] == ["ada_1_2_doubled-10.py", "doubled (1).py"]
    assert notes[0].startswith(
        "ada handed in 3 different files for doubled: handed-in/ada_1_2_doubled-10.py counts, not"
    )


def test_endings_may_be_in_capitals_and_what_was_not_recognised_is_told(checkout: Path, handed_in: Path) -> None:
    zipped(handed_in / "ada.ZIP", "Doubled.py", "tripled.PY")
    put(handed_in / "bob.rar", "Rar!")
    put(handed_in / "eve" / "final.py")
    put(handed_in / "notes.py")
    handed, notes = found(checkout, handed_in)
    assert names(handed) == [("ada", "doubled"), ("ada", "tripled")]
    assert notes == [
        "bob.rar was not looked at: unpack it into a folder with its owner's name.",
        "notes.py is no file of an exercise.",
        "No file of an exercise was found in eve; it holds final.py.",
    ]


@pytest.mark.parametrize("link", ["exercises", "exercises/threads", "exercises/threads/doubled"])
def test_no_repository_hands_in_its_neighbours_files_by_a_link(checkout: Path, handed_in: Path, link: str) -> None:
    put(handed_in / "bob" / "exercises/threads/doubled/doubled.py", RIGHT)
    (handed_in / "ada" / link).parent.mkdir(parents=True)
    (handed_in / "ada" / link).symlink_to(handed_in / "bob" / link)
    handed, notes = found(checkout, handed_in)
    assert names(handed) == [("bob", "doubled")]
    assert notes == [f"ada: {link} is a link, which is not followed."]


def test_a_zip_bomb_costs_only_its_own_submission(
    checkout: Path, handed_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "Budget", lambda: Budget(bytes=1_000_000))
    inner = tmp_path / "inner.zip"
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(400_000))
    with zipfile.ZipFile(handed_in / "eve.zip", "w") as archive:
        for number in range(3):
            archive.write(inner, f"{number}.zip")
    with zipfile.ZipFile(handed_in / "mallory.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("doubled.py", WRONG)
    put(handed_in / "ada" / "doubled.py")
    handed, notes = found(checkout, handed_in)
    assert names(handed) == [("ada", "doubled")]
    assert "2.zip cannot be unpacked: it holds more than 20,000 files or 200 MB" in notes[0]
    assert "mallory.zip cannot be unpacked: it is compressed in a way that is not accepted" in notes[1]


@pytest.mark.parametrize("damage", [b"PK nonsense", b""])
def test_a_zip_that_is_damaged_anywhere_is_its_owners_problem(tmp_path: Path, damage: bytes) -> None:
    path = zipped(tmp_path / "ada.zip", "doubled.py")
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.infolist()[0].header_offset + 40
    content[start : start + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(damage or bytes(content))
    with pytest.raises(Damaged):
        unpack(path, tmp_path / "target", Budget())


@pytest.mark.parametrize("name", ["../../evil.py", "/etc/evil.py", "C:\\evil.py", "a/../../evil.py"])
def test_a_zip_writes_only_below_its_folder(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, "evil")
    unpack(archive, tmp_path / "deep" / "target", Budget())
    outside = [p for p in tmp_path.rglob("*evil*") if (tmp_path / "deep" / "target") not in p.parents]
    assert outside == []
    assert not Path("/etc/evil.py").exists()


def test_a_broken_zip_is_a_problem_of_its_owner_and_the_rest_is_found(checkout: Path, handed_in: Path) -> None:
    (handed_in / "bad.zip").write_bytes(b"PK nonsense")
    put(handed_in / "ada" / "doubled.py")
    catalog = Catalog(checkout)
    collector = Collector(catalog, catalog.exercises, handed_in.with_name("unpacked"), [])
    handed = collector.collect(handed_in)
    assert names(handed) == [("ada", "doubled")]
    assert collector.problems == [Problem(Person("bad"), "bad.zip cannot be unpacked: File is not a zip file.")]
    [refused] = regrade.plan(catalog, handed, collector.problems).refused
    assert (refused.person, refused.exercise.slug, refused.verdict) == (Person("bad"), "doubled", Verdict.FAILED)


def test_what_this_machine_cannot_read_is_no_fault_of_its_owner(
    checkout: Path, handed_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = put(handed_in / "ada" / "doubled.py").parent
    put(handed_in / "bob" / "doubled.py")

    def iterdir(path: Path, really: Callable[[Path], Iterator[Path]] = Path.iterdir) -> Iterator[Path]:
        if path == locked:
            raise PermissionError(errno.EACCES, "Permission denied")
        return really(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    catalog = Catalog(checkout)
    collector = Collector(catalog, catalog.exercises, handed_in.with_name("unpacked"), [])
    handed = collector.collect(handed_in)
    [refused] = regrade.plan(catalog, handed, collector.problems).refused
    assert (refused.person.identifier, refused.verdict) == ("ada", Verdict.ERROR)
    assert refused.text == "ada cannot be read: Permission denied."


# -- the roster --------------------------------------------------------------------------------------------------------


def test_a_roster_without_names_or_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line 2 names nobody"):
        read_roster(put(tmp_path / "a.csv", "identifier,section\n,2\n"))
    with pytest.raises(UsageError, match="lines 2 and 3 have the same identifier"):
        read_roster(put(tmp_path / "b.csv", "identifier\nada\nAda\n"))
    with pytest.raises(UsageError, match="names nobody"):
        read_roster(put(tmp_path / "c.csv", "identifier\n"))


CANVAS_ROSTER = "Student,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,\nAda L,7,s7,ada,A\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_roster_may_be_written_as_spreadsheets_and_platforms_write_it(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    (tmp_path / "r.csv").write_text(CANVAS_ROSTER.replace(",", delimiter), encoding=encoding)
    assert read_roster(tmp_path / "r.csv") == [Person("ada", "Ada L", "", "7", "s7", "ada", "A")]


def test_a_roster_in_another_encoding_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes("identifier,name\nada,Zoë\n".encode("latin-1"))
    with pytest.raises(UsageError, match="Save it as a CSV file in UTF-8"):
        read_roster(tmp_path / "r.csv")


ADA = Person("ada", "Lovelace, Ada", "ada@x.org", "7")
LEE, ANN, ANNE = Person("lee", "Kim Lee"), Person("ann", "A B"), Person("anne", "A B")


@pytest.mark.parametrize(
    ("path", "person"),
    [
        ("ada/doubled.py", ADA),
        ("ADA@x.org/doubled.py", ADA),
        ("lovelaceada_7_1_doubled.py", ADA),
        ("somebody_7_1_doubled.py", ADA),  # Canvas's number is that of the column ID
        ("lovelaceada_8_1_doubled.py", ADA),
        ("Ada Lovelace_99_assignsubmission_file_/doubled.py", ADA),
        ("leekim_1_2_doubled.py", LEE),
        ("course-lee/doubled.py", LEE),
        ("A B_1_assignsubmission_file_/doubled.py", Person("A B")),  # there are two of that name
        ("ann/doubled.py", ANN),
    ],
)
def test_whose_it_is(checkout: Path, handed_in: Path, path: str, person: Person) -> None:
    put(handed_in / path)
    handed, _ = found(checkout, handed_in, [ADA, LEE, ANN, ANNE])
    assert [one.person for one in handed] == [person]


@pytest.mark.parametrize("more", ["course-lee", "final-lee"])
def test_a_name_that_only_ends_like_somebodys_is_not_theirs(checkout: Path, handed_in: Path, more: str) -> None:
    for name in ("course-zoe-lee", more):
        put(handed_in / name / "doubled.py", f"{WRONG}# {name}")
    handed, _ = found(checkout, handed_in, [LEE])
    people = {one.path.parent.name: one.person for one in handed}
    assert people["course-zoe-lee"] == Person("course-zoe-lee")
    assert people[more] == (LEE if more == "course-lee" else Person(more))


def test_accents_may_be_written_in_either_way(checkout: Path, handed_in: Path) -> None:
    put(handed_in / "Zoe\u0308" / "doubled.py")
    assert found(checkout, handed_in, [Person("zo\u00eb")])[0][0].person == Person("zo\u00eb")


def test_everybody_gets_a_file_name_of_their_own() -> None:
    made = file_names(["Ada", "ada", "../x", "..", "a/b", "a-b", "名前"])
    assert len({name.lower() for name in made.values()}) == 7
    assert all("/" not in name and not name.startswith(".") for name in made.values())
