"""Checks of backup_checksums."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import Any

from grader.judge import Explore, Record, Rendezvouses, Speedup, Submission, expect, kind, records, scenario
from grader.measure.cores import usable_cores

EXERCISE = "backup_checksums"
CHUNK = 1 << 12


def digest_of(content: bytes, algorithm: str = "sha3_256") -> str:
    return hashlib.new(algorithm, content).hexdigest()


class Backup:
    """Files below `root`, and the manifest that fits them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.manifest: dict[str, str] = {}

    def add(self, name: str, content: bytes, algorithm: str = "sha3_256") -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_bytes(content)
        self.manifest[name] = digest_of(content, algorithm)


def small_files(submission: Submission, count: int) -> Backup:
    backup = Backup(submission.folder / "backup")
    for number in range(count):
        backup.add(f"file {number:02}", b"%d" % number * 100)
    return backup


def verdicts_of(result: Any, manifest: dict[str, str]) -> list[Record]:
    found = records(result, "Verdict", path=str, ok=bool, actual=(str, type(None)), error=(str, type(None)))
    expect(
        sorted(verdict.path for verdict in found) == sorted(manifest),
        f"The manifest has {len(manifest)} entries; the verdicts are about {', '.join(v.path for v in found[:5]) or 'none'}"
        f"{' ...' if len(found) > 5 else ''}.",
        idea="Every entry of the manifest gets one verdict, with its path as it stands there.",
    )
    return found


def expect_all_right(result: Any, manifest: dict[str, str], story: str = "") -> None:
    for verdict in verdicts_of(result, manifest):
        expect(
            verdict.actual == manifest[verdict.path] and verdict.ok and verdict.error is None,
            f"{verdict.path}{story} is as the manifest says; its verdict has ok={verdict.ok}, error={verdict.error!r}, and the "
            f"{'right' if verdict.actual == manifest[verdict.path] else 'wrong'} digest.",
            idea="Which bytes does each hash get, each once and in order? Whose are the hash and the buffer while a thread works?",
        )


# -- what it finds -------------------------------------------------------------------------------------


@kind("correctness")
def test_digests_of_files_of_any_size(submission: Submission, rng: random.Random) -> None:
    """Digests are right for files that are empty, smaller than a chunk, as large, and larger"""
    backup = Backup(submission.folder / "backup")
    for size in (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7):
        backup.add(f"{size} bytes", rng.randbytes(size))
    backup.add("folder/inside/a file", b"deep")
    for workers in (1, 3):
        result = submission.verify_manifest(backup.root, backup.manifest, workers=workers, chunk_size=CHUNK)
        expect_all_right(result, backup.manifest, f" (chunks of {CHUNK})")
    expect_all_right(submission.verify_manifest(backup.root, backup.manifest), backup.manifest)
    result = submission.verify_manifest(backup.root, {})
    expect(result == [], f"An empty manifest gave {result!r}.", idea="Nothing to verify: an empty list.")


@scenario
class Opens:
    """Sees every file below `root` that this process opens; `opening(name)` is called before it is opened.

    An audit hook, because a submission may open files in many ways. It stays until the process ends.
    """

    def __init__(self, root: Path, opening: Any) -> None:
        self._root = os.path.realpath(root) + os.sep
        self._opening = opening
        self.names: list[str] = []
        self.most_open = 0
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: Any) -> None:
        if event != "open" or not isinstance(args[0], str | bytes | os.PathLike):
            return
        file = os.path.realpath(os.fsdecode(args[0]))
        if file.startswith(self._root) and not os.path.isdir(file):
            self.names.append(file.removeprefix(self._root))
            self.most_open = max(self.most_open, self._open_now() + 1)
            self._opening(self.names[-1])

    def _open_now(self) -> int:
        count = 0
        if sys.platform == "linux":  # elsewhere nobody can list them so cheaply
            for number in os.listdir("/proc/self/fd"):
                with contextlib.suppress(OSError):  # closed meanwhile
                    count += os.readlink(f"/proc/self/fd/{number}").startswith(self._root)
        return count


@scenario
def verify_watched(student: Any, root: Path, manifest: dict[str, str], opening: Any, workers: int | None) -> list[Any]:
    """The verdicts, the files that this process opened, and how many were open at once."""
    opens = Opens(root, opening)
    return [student.verify_manifest(root, manifest, workers=workers), opens.names, opens.most_open]


class HeldFile:
    """Lets nobody open the file `first` before `last` is opened, or two seconds have passed."""

    def __init__(self, first: str, last: str) -> None:
        self._first, self._last = first, last
        self._opened = threading.Event()

    def opening(self, name: str) -> None:
        if name == self._last:
            self._opened.set()
        elif name == self._first:
            self._opened.wait(2)


@kind("correctness")
def test_verdicts_come_in_the_order_of_the_manifest(submission: Submission) -> None:
    """Verdicts come in the order of the manifest, whichever file is ready first"""
    backup = small_files(submission, 8)
    names = sorted(backup.manifest, key=lambda name: digest_of(name.encode()))  # neither by name nor by size
    manifest = {name: backup.manifest[name] for name in names}
    held = HeldFile(names[0], names[-1])
    result, _, _ = submission.run(verify_watched, backup.root, manifest, held.opening, 2)
    found = [verdict.path for verdict in verdicts_of(result, manifest)]
    expect(
        found == names,
        f"The manifest begins with {names[0]!r}, which took longest; the verdicts begin with {', '.join(found[:3])}.",
        idea="Who is ready first is not who comes first. What remembers the place of each file?",
    )


@kind("correctness")
def test_a_changed_file_is_found(submission: Submission) -> None:
    """A file whose digest differs is not ok, and the verdict tells the digest that it has"""
    backup = small_files(submission, 4)
    expect_all_right(submission.verify_manifest(backup.root, backup.manifest, workers=2), backup.manifest)
    manifest = dict(backup.manifest)
    backup.add("file 02", b"something else, and as long as it was".ljust(100, b"!"))
    for verdict in verdicts_of(submission.verify_manifest(backup.root, manifest, workers=2), manifest):
        changed = verdict.path == "file 02"
        due = backup.manifest[verdict.path]
        expect(
            verdict.ok is not changed and verdict.actual == due and verdict.error is None,
            f"{verdict.path} has {'' if changed else 'not '}changed since the manifest was written; its verdict has "
            f"ok={verdict.ok}, error={verdict.error!r} and {'no digest' if verdict.actual is None else 'a digest'}"
            f"{'' if verdict.actual in (None, due) else ' that it does not have'}.",
            idea="A file that can be read has a digest, that of its bytes now. If it is another than expected, that is no error of reading.",
        )


@kind("correctness")
def test_any_algorithm_of_hashlib_will_do(submission: Submission) -> None:
    """Any algorithm of hashlib will do; an unknown one is a ValueError"""
    backup = Backup(submission.folder / "backup")
    for algorithm in ("sha256", "md5", "blake2b"):
        backup.manifest.clear()
        for number in range(3):
            backup.add(f"file {number}", b"%d" % number * 3000, algorithm)
        result = submission.verify_manifest(backup.root, backup.manifest, algorithm=algorithm, workers=2)
        expect_all_right(result, backup.manifest, f" (algorithm={algorithm!r})")
    for manifest in (backup.manifest, {"missing": "0"}, {}):
        error = submission.error_of("verify_manifest", backup.root, manifest, algorithm="rot13")
        expect(
            "ValueError" in error.mro,
            f"algorithm='rot13', {len(manifest)} files: verify_manifest raised {error.type}; ValueError was due.",
            idea="A wrong argument is the caller's fault and no verdict about a file. When is it looked at?",
        )


# -- what may be wrong ---------------------------------------------------------------------------------


@scenario
def verify_unreadable(student: Any, root: Path, manifest: dict[str, str]) -> list[Any]:
    """The verdicts, and what happens to this process itself when it opens each of the files."""
    due: dict[str, str | None] = {}
    for name in manifest:
        try:
            (root / name).open("rb").close()
            due[name] = None
        except FileNotFoundError:
            due[name] = "missing"
        except OSError as error:
            due[name] = type(error).__name__
    return [student.verify_manifest(root, manifest, workers=2), due]


@kind("failure")
def test_what_cannot_be_read_is_a_verdict(submission: Submission) -> None:
    """Missing files, folders and files without permission are verdicts, and the others are verified"""
    backup = small_files(submission, 2)
    backup.add("a folder/file", b"x")
    backup.add("locked", b"x")
    (backup.root / "locked").chmod(0)
    manifest = {"gone": "0", **backup.manifest, "a folder": "0", "file 00/below a file": "0", "gone, too": "0"}
    result, due = submission.run(verify_unreadable, backup.root, manifest)
    for verdict in verdicts_of(result, manifest):
        wanted = due[verdict.path]
        expect(
            verdict.error == wanted,
            f"{verdict.path!r} {'can be read' if wanted is None else f'cannot be read ({wanted})'}; its verdict has error={verdict.error!r}.",
            idea="'missing' if there is no such file, else the class name of the exception: type(error).__name__.",
        )
        expect(
            wanted is None or (verdict.ok is False and verdict.actual is None),
            f"{verdict.path!r} cannot be read ({wanted}); its verdict has ok={verdict.ok!r}, actual={verdict.actual!r}.",
            idea="What could not be read is not ok and has no digest.",
        )
        expect(
            wanted is not None or verdict.ok,
            f"{verdict.path!r} is as the manifest says, and its verdict is not ok.",
            idea="A file that cannot be read must not change what is said about the others.",
        )


@scenario
def verify_escape(student: Any, root: Path, manifest: dict[str, str]) -> list[Any]:
    """What came of it, and the files that were opened."""
    opens = Opens(root.parent, lambda name: None)
    try:
        student.verify_manifest(root, manifest, workers=2)
        answer = "nothing"
    except NotImplementedError:
        raise
    except Exception as error:
        answer = "ValueError" if isinstance(error, ValueError) else type(error).__name__
    return [answer, opens.names]


@kind("failure")
def test_a_path_out_of_the_root_is_refused(submission: Submission) -> None:
    """A path that leads out of the root is a ValueError, before any file is opened"""
    backup = small_files(submission, 3)
    secret = submission.folder / "secret"
    secret.write_bytes(b"not part of the backup")
    submission.folder.joinpath("backup and more").mkdir()
    submission.folder.joinpath("backup and more", "file").write_bytes(b"a neighbour")
    ways = {
        str(secret): "an absolute path",
        "../secret": "..",
        "folder/../../secret": "..",
        "../backup and more/file": "..",
    }
    with contextlib.suppress(OSError):  # Windows: links need a privilege
        (backup.root / "link").symlink_to(secret)
        (backup.root / "folder link").symlink_to(submission.folder)
        ways |= {"link": "a symbolic link", "folder link/secret": "a symbolic link"}
    for path, way in ways.items():
        answer, opened = submission.run(verify_escape, backup.root, {**backup.manifest, path: digest_of(b"x")})
        shown = "/.../secret" if way == "an absolute path" else path
        expect(
            answer == "ValueError",
            f"The last path of the manifest, {shown!r}, leads out of the root ({way}): it raised {answer}; ValueError was due.",
            idea="Where does the path lead when all links and '..' are followed? Path.resolve tells, and is_relative_to compares.",
        )
        expect(
            not opened,
            f"The last path of the manifest leads out of the root; before the ValueError {len(opened)} files were opened.",
            idea="Look at all paths first, then begin to read.",
        )


@scenario
def refused(student: Any, root: Path, manifest: dict[str, str], **number: int) -> str:
    try:
        student.verify_manifest(root, manifest, **number)
    except NotImplementedError:
        raise
    except Exception as error:
        return "raised ValueError" if isinstance(error, ValueError) else f"raised {type(error).__name__}"
    return "returned"


@kind("failure")
def test_bad_numbers_are_refused(submission: Submission) -> None:
    """workers and chunk_size below 1 are ValueErrors"""
    backup = small_files(submission, 2)
    for name, value in (("workers", 0), ("workers", -1), ("chunk_size", 0)):
        answer = submission.run(refused, backup.root, backup.manifest, **{name: value})
        expect(
            answer == "raised ValueError",
            f"{name}={value}: verify_manifest {answer}; ValueError was due.",
            idea="Zero is a number, and not the same as None. Look at the arguments before anything is started.",
        )


# -- bounds --------------------------------------------------------------------------------------------


@kind("bounds")
def test_as_many_files_are_opened_at_once_as_workers(submission: Submission, rendezvous: Rendezvouses) -> None:
    """As many files are opened at the same time as there are workers"""
    backup = small_files(submission, 12)
    for workers, due in ((3, 3), (None, min(2, usable_cores()))):
        meeting = rendezvous(due)
        result, _, most = submission.run(verify_watched, backup.root, backup.manifest, meeting.enter, workers)
        expect(
            meeting.met or most < due,
            f"workers={workers}: {most} files were open at once, but one after the other was opened, by one thread.",
            idea="Opening is work as well. Which thread opens a file, and which one hashes it?",
        )
        expect(
            meeting.met,
            f"workers={workers}: at most {meeting.most} {'file was' if meeting.most == 1 else 'files were'} opened at the same time.",
            idea="What does your code wait for before it hands out the next file?",
        )
        expect_all_right(result, backup.manifest)


@kind("bounds")
def test_no_more_files_are_open_than_workers(submission: Submission, rendezvous: Rendezvouses) -> None:
    """Never more files are open than there are workers"""
    backup = small_files(submission, 40)
    for workers in (1, 4):
        meeting = rendezvous(workers + 1, seconds=0.3)
        result, _, most = submission.run(verify_watched, backup.root, backup.manifest, meeting.enter, workers)
        most = max(most, meeting.most)
        expect(
            most <= workers,
            f"40 files, workers={workers}: {most} or more files were open or being opened at once.",
            idea="A system lets a program open some hundred files. What limits how many threads are inside `open`, and who closes?",
        )
        expect_all_right(result, backup.manifest)


@scenario
def verify_measured(student: Any, root: Path, manifest: dict[str, str]) -> list[Any]:
    """The verdicts, and the most memory in MiB that Python's objects took meanwhile."""
    student.verify_manifest(root, {}, workers=2)  # what is imported and made once does not count
    tracemalloc.start()
    result = student.verify_manifest(root, manifest, workers=2, chunk_size=1 << 20)
    return [result, tracemalloc.get_traced_memory()[1] / (1 << 20)]


@kind("bounds")
def test_a_large_file_is_read_in_chunks(submission: Submission, rng: random.Random) -> None:
    """A large file is read in chunks: memory does not grow with it"""
    backup = Backup(submission.folder / "backup")
    piece = rng.randbytes(1 << 20)
    for name in ("monday", "tuesday"):
        backup.add(name, piece * 32)
    result, most = submission.run(verify_measured, backup.root, backup.manifest)
    expect(
        most < 8,
        f"Two files of 32 MiB, two workers, chunks of 1 MiB: {most:.0f} MiB of memory were in use. 6 are allowed.",
        idea="How much of a file is in memory at once, and how many copies of it?",
    )
    expect_all_right(result, backup.manifest)


@kind("rule")
def test_threads_read_the_files(submission: Submission) -> None:
    """The files are read in this process, by threads"""
    backup = small_files(submission, 6)
    result, opened, _ = submission.run(verify_watched, backup.root, backup.manifest, ignore, 2)
    expect_all_right(result, backup.manifest)
    elsewhere = sorted(set(backup.manifest) - set(opened))
    expect(
        not elsewhere,
        f"{len(elsewhere)} of 6 files were not opened by this process: other processes read them.",
        idea="It works, but it pays for starting processes and sending answers. This exercise shows when threads are enough.",
    )


def ignore(name: str) -> None:
    """Nothing is held up."""


# -- threads -------------------------------------------------------------------------------------------


@scenario
def verify_two(student: Any, root: Path, manifest: dict[str, str], chunk_size: int) -> list[Any]:
    found = student.verify_manifest(root, manifest, workers=2, chunk_size=chunk_size)
    return [[verdict.path, verdict.actual] for verdict in found]


@kind("schedules")
def test_threads_do_not_disturb_each_other(explore: Explore, submission: Submission) -> None:
    """Two threads that hash at the same time do not disturb each other"""
    backup = Backup(submission.folder / "backup")
    backup.add("odd", b"13579")
    backup.add("even", b"2468")
    due = [[name, backup.manifest[name]] for name in ("odd", "even")]
    for found in explore(verify_two, backup.root, backup.manifest, 3, schedules=120):
        wrong = [name for name, digest in found if digest != backup.manifest[name]]
        expect(
            not wrong,
            f"Two files, two threads, chunks of 3 bytes: the digest of {' and '.join(wrong)} is wrong.",
            idea="A hash and a buffer belong to one file at a time. What do your threads share?",
        )
        expect(
            found == due,
            f"The manifest says odd, even; the verdicts came as {found[0][0]}, {found[1][0]}.",
            idea="What remembers the place of each file?",
        )


@kind("hygiene")
def test_nothing_is_left_open(submission: Submission) -> None:
    """No thread and no open file is left, also after an error"""
    backup = small_files(submission, 6)
    submission.verify_manifest(backup.root, {**backup.manifest, "gone": "0", ".": "0"}, workers=3)
    submission.error_of("verify_manifest", backup.root, {**backup.manifest, "../up": "0"}, workers=3)
    submission.finish().expect_none()


def hashed_by_one(root: Path, names: list[str]) -> list[str]:
    digests = []
    for name in names:
        with (root / name).open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha3_256").hexdigest())
    return digests


@kind("speedup")
def test_threads_verify_large_files_faster_than_one(
    submission: Submission, speedup: Speedup, rng: random.Random
) -> None:
    """Two or more threads verify large files faster than one"""
    workers = min(8, usable_cores())  # as many as the machine's own measurement uses
    backup = Backup(submission.folder / "backup")
    names = [f"image {number:02}" for number in range(16)]
    for name in names:
        (backup.root / name).write_bytes(rng.randbytes(1 << 20) * 8)
    manifest = dict.fromkeys(names, digest_of(b"nobody knows"))  # so that the digests must be worked out

    def fresh() -> None:
        for name in names:
            with (backup.root / name).open("r+b") as file:
                file.write(rng.randbytes(16))

    def attempt(_: None) -> list[Any]:
        result = submission.timed("verify_manifest", backup.root, manifest, workers=workers)
        return [verdict.actual for verdict in verdicts_of(result, manifest)]

    speedup.cpu(
        fresh=fresh,
        baseline=lambda _: hashed_by_one(backup.root, names),
        attempt=attempt,
        alpha=0.3,
        busy="Threads compute at the same time only in C code that lets the GIL go. How much data does each call of update() get?",
    )
