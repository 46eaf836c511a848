"""Checks of file_downloader."""

from __future__ import annotations

import hashlib
import queue
import random
import threading
import time
import tracemalloc
from pathlib import Path
from types import NoneType
from typing import Any

import requests

from grader.judge import Mirror, Record, Rendezvouses, Speedup, Submission, expect, kind, records, scenario

EXERCISE = "file_downloader"


@scenario
def download_and_count_threads(student: Any, urls: list[str], out: Path, workers: int, note: Any) -> Any:
    """Download, and tell the judge at each completion how many threads this process has."""

    def progress(download: Any) -> None:
        note(threading.active_count())

    return student.download_all(urls, out, max_workers=workers, on_progress=progress)


@scenario
def peak_while_downloading(student: Any, small: str, large: str, out: Path) -> Any:
    """Peak of the memory allocated by Python, in bytes, while one large file is fetched."""
    student.download_all([small], out / "warm-up")  # modules that load on first use are not counted
    tracemalloc.start()
    try:
        result = student.download_all([large], out / "large")
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@scenario
def error_of_download(student: Any, urls: list[str], out: Path, workers: int, progress: Any = None) -> list[str]:
    """What came of it: the class names of the exception and its bases, or nothing when it returned."""
    try:
        student.download_all(urls, out, max_workers=workers, on_progress=progress)
    except Exception as error:
        return [cls.__name__ for cls in type(error).__mro__]
    return []


def downloads(result: object, urls: list[str]) -> list[Record]:
    """The result as Downloads, one for each of `urls`."""
    found = records(result, "Download", url=str, path=(Path, NoneType), size=int, error=object)
    expect(
        len(found) == len(urls),
        f"{len(urls)} URLs went in, {len(found)} Downloads came back",
        idea="One Download for each URL, also for the ones that failed.",
    )
    return found


def by_url(result: object, urls: list[str]) -> dict[str, Record]:
    found = {download.url: download for download in downloads(result, urls)}
    missing = [url for url in urls if url not in found]
    expect(not missing, f"no Download for {missing[:1]}", idea="Download.url is the URL as it was passed in.")
    return found


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def short_sum(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:12] + "..."


def expect_arrived(submission: Submission, download: Record, out: Path, body: bytes) -> None:
    """The Download is a success, and its file holds `body`."""
    name = name_of(download.url)
    expect(
        download.error is None,
        f"{name} is there for everybody, but its Download holds the error {download.error!r}",
        idea="Which request did your code send, and what did the mirror answer?",
    )
    got = submission.file(out / name)
    expect(
        download.path is not None and download.path.name == name and got is not None,
        f"{name} should be in the folder `dest`; path is {download.path}",
        idea="`path` is the file in `dest`, named by the last segment of the URL.",
    )
    assert got is not None
    expect(
        got == body,
        f"{name} has other bytes than the mirror's file: {len(got)} bytes, sha256 {short_sum(got)}; "
        f"the mirror has {len(body)} bytes, sha256 {short_sum(body)}",
        idea="Every byte of the file comes from the body of a GET request.",
    )
    expect(
        download.size == len(body),
        f"{name}: size is {download.size}, the file has {len(body)} bytes",
        idea="`size` is the number of bytes written.",
    )


def expect_failed(download: Record, why: str) -> None:
    """The Download reports an error and no file."""
    name = name_of(download.url)
    expect(
        download.error is not None,
        f"{name}: {why}, and its Download says error=None, size={download.size}",
        idea="A reply with an error status has a body too. Who looks at the status?"
        if download.size
        else "An exception in a worker is kept in its Future and shown to nobody until result() is called. "
        "Catch it in the worker and put it into the Download.",
    )
    expect(
        download.path is None and download.size == 0,
        f"{name}: {why}, but its Download says path={download.path}, size={download.size}",
        idea="A failed URL gives Download(url, None, 0, error).",
    )


def expect_value_error(got: object, what: str, idea: str) -> None:
    """`got`, from error_of_download, is a ValueError."""
    names = got if isinstance(got, list) else []
    expect(
        "ValueError" in names,
        f"{what} is a ValueError; download_all {f'raised {names[0]}' if names else 'returned as if all were well'}",
        idea=idea,
    )


def expect_only(out: Path, names: set[str]) -> None:
    """The folder holds these files and nothing else."""
    there = {file.name for file in out.iterdir()} if out.is_dir() else set()
    extra = sorted(there - names)
    expect(
        not extra,
        f"left in the folder: {', '.join(extra[:3])}",
        idea="What happens to the half of a file when the connection breaks? Write to a temporary file in `dest`, "
        "rename it when it is complete, remove it when it is not.",
    )


@kind("correctness")
def test_nothing_to_download_gives_an_empty_list(submission: Submission) -> None:
    """No URLs give an empty list."""
    result = submission.download_all([], submission.folder / "out")
    expect(result == [], f"download_all([], ...) returned {result!r} instead of []", idea="Is there a smallest case?")


@kind("correctness")
def test_results_come_in_the_order_of_the_urls(submission: Submission, mirror: Mirror) -> None:
    """Results come in the order of the URLs, whichever file is ready first."""
    urls = [mirror.serve(f"/{n}.bin", body=b"x" * n, delay=0.1 * (3 - n)) for n in range(4)]
    found = downloads(submission.download_all(urls, submission.folder / "out", max_workers=4), urls)
    order = [name_of(download.url) for download in found]
    expect(
        order == [name_of(url) for url in urls],
        f"asked for 0.bin, 1.bin, 2.bin, 3.bin; got them in the order {', '.join(order)}",
        idea="as_completed gives the fastest first. Remember which future belongs to which place in the list.",
    )


@kind("correctness")
def test_every_file_arrives_complete(submission: Submission, mirror: Mirror, rng: random.Random) -> None:
    """Forty files of 0 bytes to 2 MiB arrive with the mirror's bytes."""
    sizes = [0, 1, 2 << 20] + [rng.randrange(600_000) for _ in range(37)]
    rng.shuffle(sizes)
    bodies = {}
    for n, size in enumerate(sizes):
        body = rng.randbytes(size)
        bodies[mirror.serve(f"/f{n}.bin", body=body)] = body
    urls = list(bodies)
    out = submission.folder / "out"
    found = by_url(submission.download_all(urls, out), urls)
    for url in urls:
        expect_arrived(submission, found[url], out, bodies[url])
    expect_only(out, {name_of(url) for url in urls})


@kind("failure")
def test_a_missing_file_is_reported_and_not_retried(submission: Submission, mirror: Mirror) -> None:
    """A missing file (404) is asked for once and reported; the other files arrive."""
    good = [mirror.serve(f"/good{n}.bin", body=b"good" * n) for n in range(3)]
    missing = mirror.serve("/missing.bin", status=404, body=b"no such file")
    urls = [good[0], missing, good[1], good[2]]
    out = submission.folder / "out"
    found = by_url(submission.download_all(urls, out, max_workers=2), urls)
    expect_failed(found[missing], "the mirror answered 404")
    asked = mirror.requests("/missing.bin")
    expect(
        asked == 1,
        f"the mirror answered 404 and was asked again: {asked} requests for missing.bin",
        idea="Which answers can change when you ask again? 4xx says that the request itself is wrong.",
    )
    for n, url in enumerate(good):
        expect_arrived(submission, found[url], out, b"good" * n)
    expect_only(out, {name_of(url) for url in good})


@kind("bounds")
def test_as_many_downloads_run_at_once_as_allowed(submission: Submission, mirror: Mirror) -> None:
    """Eight workers have eight requests open at the same time."""
    gate = mirror.gate(8)
    urls = [mirror.serve(f"/{n}.bin", body=b"x", hold=gate) for n in range(16)]
    threads: list[int] = []

    def note(count: int) -> None:
        threads.append(count)

    result = submission.run(download_and_count_threads, urls, submission.folder / "out", 8, note)
    alive = max(threads, default=1)
    if gate.most > 1:
        seen = f"There were never more than {gate.most}."
        idea = "What limits the number of requests in your code, other than max_workers?"
    elif alive > 2:
        seen = f"Only one request was ever open, and {alive} threads existed."
        idea = "There are threads, but something lets one download at a time: which lock is held while a request runs?"
    else:
        seen = "Only one request was ever open, and there was nobody to send a second one."
        idea = "When does the second request start in your code: before or after the reply to the first?"
    expect(gate.met, f"The mirror held its replies until 8 requests were open. {seen}", idea=idea)
    downloads(result, urls)


@kind("bounds")
def test_never_more_requests_than_workers(submission: Submission, mirror: Mirror) -> None:
    """Never more requests are open than max_workers, bodies included."""
    for workers, files in ((8, 40), (3, 12), (1, 4)):
        # Bodies that take a moment: a request is open until its last byte has arrived.
        urls = [mirror.serve(f"/{workers}/{n}.bin", body=b"x" * 4000, drip=(1000, 0.02)) for n in range(files)]
        mirror.reset_counts()
        result = submission.download_all(urls, submission.folder / f"out{workers}", max_workers=workers)
        most = mirror.most_open
        expect(
            most <= workers,
            f"{most} connections at once, {workers} allowed ({files} files); the mirror would ban you.",
            idea="How many requests are open at the worst moment, from the first byte sent to the last byte received?",
        )
        downloads(result, urls)


@kind("bounds")
def test_a_slow_file_does_not_hold_up_the_others(submission: Submission, mirror: Mirror) -> None:
    """While one file is slow, the other workers go on with the rest."""
    gate = mirror.gate(None)
    slow = mirror.serve("/slow.bin", body=b"slow", hold=gate)
    others = [mirror.serve(f"/{n}.bin", body=b"x") for n in range(6)]
    urls = [slow, *others]
    call = submission.start("download_all", urls, submission.folder / "out", max_workers=2)
    paths = [f"/{n}.bin" for n in range(6)]
    mirror.wait_until(lambda: all(mirror.requests(path) for path in paths), seconds=2.0)
    asked = sum(mirror.requests(path) > 0 for path in paths)
    gate.open()
    expect(
        asked == 6,
        f"2 workers, 7 files, the first of them slow: the other worker fetched {asked} of the other 6 files "
        "and then stood still, waiting for the slow file.",
        idea="A worker that is free takes the next URL at once. Who makes it wait for the others?",
    )
    downloads(call.result(), urls)


@kind("correctness")
def test_a_url_listed_twice_is_fetched_once(submission: Submission, mirror: Mirror) -> None:
    """A URL that is listed twice is fetched once and reported twice."""
    first = mirror.serve("/first.bin", body=b"first", delay=0.05)
    second = mirror.serve("/second.bin", body=b"second")
    urls = [first, second, first]
    out = submission.folder / "out"
    found = downloads(submission.download_all(urls, out), urls)
    asked = mirror.requests("/first.bin")
    expect(asked == 1, f"first.bin is listed twice: {asked} requests for it", idea="Which requests are needed at all?")
    expect(
        [download.url for download in found] == urls,
        f"asked for first, second, first; got {', '.join(name_of(download.url) for download in found)}",
        idea="What is done for each distinct URL, and what for each entry of the list?",
    )
    for download, body in zip(found, (b"first", b"second", b"first"), strict=True):
        expect_arrived(submission, download, out, body)


@kind("failure")
def test_two_urls_with_the_same_file_name_are_refused(submission: Submission, mirror: Mirror) -> None:
    """Two different URLs with the same file name are a ValueError before any request."""
    fine = mirror.serve("/fine.bin", body=b"fine")
    urls = [fine, mirror.serve("/linux/tool.bin", body=b"elf"), mirror.serve("/mac/tool.bin", body=b"mach-o")]
    got = submission.run(error_of_download, urls, submission.folder / "out", 2)
    expect_value_error(got, "linux/tool.bin beside mac/tool.bin", "Both would be dest/tool.bin.")
    asked = len(mirror.log)
    expect(
        asked == 0,
        f"the ValueError came after {asked} requests; it has to come before any",
        idea="All names are known before the first request.",
    )


@kind("failure")
def test_a_url_without_a_file_name_is_refused(submission: Submission, mirror: Mirror) -> None:
    """A URL that ends without a file name is a ValueError before any request."""
    urls = [mirror.serve("/fine.bin", body=b"fine"), mirror.serve("/folder/", body=b"listing")]
    got = submission.run(error_of_download, urls, submission.folder / "out", 2)
    expect_value_error(got, "a URL that ends in /folder/", "What is the last segment of its path?")
    asked = len(mirror.log)
    expect(
        asked == 0,
        f"the ValueError came after {asked} requests; it has to come before any",
        idea="All names are known before the first request.",
    )


@kind("failure")
def test_a_pool_needs_at_least_one_worker(submission: Submission, mirror: Mirror) -> None:
    """max_workers below 1 is a ValueError."""
    urls = [mirror.serve("/fine.bin", body=b"fine")]
    got = submission.run(error_of_download, urls, submission.folder / "out", 0)
    expect_value_error(got, "max_workers=0", "Who would do the work?")


@kind("correctness")
def test_a_name_may_end_in_part(submission: Submission, mirror: Mirror) -> None:
    """The files x and x.part can be downloaded together."""
    bodies = {
        mirror.serve("/x", body=b"a" * 8000, drip=(1000, 0.05)): b"a" * 8000,
        mirror.serve("/x.part", body=b"b" * 3000, drip=(1000, 0.05)): b"b" * 3000,
    }
    urls = list(bodies)
    out = submission.folder / "out"
    found = by_url(submission.download_all(urls, out, max_workers=2), urls)
    spoilt = [
        name_of(url)
        for url, body in bodies.items()
        if found[url].error is not None or submission.file(out / name_of(url)) != body
    ]
    expect(
        not spoilt,
        f"x and x.part are two files of the mirror; fetched together, {' and '.join(spoilt)} did not arrive as there",
        idea="Which name has your temporary file for x, and who else writes to that name?",
    )
    expect_only(out, {"x", "x.part"})


@kind("correctness")
def test_large_bodies_are_streamed(submission: Submission, mirror: Mirror) -> None:
    """A file of 64 MiB needs less than 8 MiB of memory."""
    small = mirror.serve("/small.bin", body=b"small")
    large = mirror.serve("/large.bin", body=bytes(64 << 20))
    out = submission.folder / "out"
    out.mkdir(exist_ok=True)
    answer = submission.run(peak_while_downloading, small, large, out)
    expect(isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], int), "the memory was not measured")
    result, peak = answer
    (download,) = downloads(result, [large])
    expect(
        download.size == 64 << 20,
        f"large.bin has {64 << 20} bytes, its Download says size={download.size}, error={download.error!r}",
    )
    expect(
        peak <= 8 << 20,
        f"a file of 64 MiB took {peak / (1 << 20):.0f} MiB of memory",
        idea="Where is the body between the socket and the disk? With stream=True it stays in the socket "
        "until you read a chunk.",
    )


@kind("failure")
def test_a_busy_mirror_is_asked_again(submission: Submission, mirror: Mirror) -> None:
    """A mirror that answers 503 twice and then delivers is asked three times."""
    url = mirror.serve("/busy.bin", body=b"at last", fail_first=2)
    out = submission.folder / "out"
    (download,) = downloads(submission.download_all([url], out, retries=2), [url])
    asked = mirror.requests("/busy.bin")
    expect(
        download.error is None,
        f"the mirror answered 503 twice and would have delivered then; with retries=2 your code gave up "
        f"after {asked} request(s)",
        idea="retries=2 is the first attempt and two more.",
    )
    expect_arrived(submission, download, out, b"at last")
    expect(asked == 3, f"the third answer was the file, but there were {asked} requests")


@kind("failure")
def test_a_mirror_that_stays_busy_is_reported(submission: Submission, mirror: Mirror) -> None:
    """A mirror that answers 503 for ever is asked 1 + retries times and reported."""
    busy = mirror.serve("/busy.bin", status=503)
    good = mirror.serve("/good.bin", body=b"good")
    for retries in (1, 0):
        mirror.reset_counts()
        out = submission.folder / f"out{retries}"
        found = by_url(submission.download_all([busy, good], out, retries=retries), [busy, good])
        expect_failed(found[busy], "the mirror always answered 503")
        asked = mirror.requests("/busy.bin")
        expect(
            asked == 1 + retries,
            f"retries={retries} allows {1 + retries} requests for a file; the mirror saw {asked} requests",
            idea="Count the attempts for retries=0.",
        )
        expect_arrived(submission, found[good], out, b"good")
        expect_only(out, {"good.bin"})


@kind("failure")
def test_a_body_that_breaks_off_leaves_no_file(submission: Submission, mirror: Mirror) -> None:
    """A connection that breaks in the middle of a body is tried again; it leaves no file, half or temporary."""
    torn = mirror.serve("/torn.bin", body=b"t" * 300_000, reset_after=150_000)
    good = mirror.serve("/good.bin", body=b"good")
    out = submission.folder / "out"
    found = by_url(submission.download_all([torn, good], out, retries=1), [torn, good])
    expect(
        not (out / "torn.bin").exists(),
        "the connection broke at the half of torn.bin, and torn.bin is in the folder as if it were complete",
        idea="Who opens torn.bin five minutes later cannot see that the other half is missing. "
        "Give it its name when it is complete: os.replace.",
    )
    expect_failed(found[torn], "the connection broke in the middle of the body")
    expect_only(out, {"good.bin"})
    asked = mirror.requests("/torn.bin")
    expect(
        asked == 2,
        f"a broken connection is worth another try: retries=1, and the mirror saw {asked} request(s)",
        idea="The status was 200. Which exception did reading the body raise, and what does your code do with it?",
    )
    expect_arrived(submission, found[good], out, b"good")


@kind("failure")
def test_a_file_appears_only_when_it_is_complete(submission: Submission, mirror: Mirror) -> None:
    """Until its last byte has arrived, a file is not seen under its name."""
    size = 10_000
    slow = mirror.serve("/slow.bin", body=b"s" * size, drip=(1000, 0.05))
    out = submission.folder / "out"
    call = submission.start("download_all", [slow], out, max_workers=1)
    seen: list[int] = []
    # A complete file may be there a moment before the mirror's books say so; a short one is a half file.
    while not call.finished and not seen:
        try:
            length = (out / "slow.bin").stat().st_size
        except FileNotFoundError:
            length = size
        if length < size:
            seen.append(length)
        if mirror.wait_until(lambda: call.finished, seconds=0.01):
            break
    expect(
        not seen,
        f"slow.bin was in the folder with {min(seen, default=0)} of {size} bytes, while its body was still on the way",
        idea="Another program may look into the folder at any moment. Which name has the file until then?",
    )
    (download,) = downloads(call.result(), [slow])
    expect_arrived(submission, download, out, b"s" * size)


@kind("failure")
def test_a_body_that_drips_ends_at_the_deadline(submission: Submission, mirror: Mirror) -> None:
    """A body that drips for a minute is given up after about `timeout` seconds."""
    submission.load()
    drip = mirror.serve("/drip.bin", body=b"d" * 600, drip=(1, 0.1))
    out = submission.folder / "out"
    began = time.monotonic()
    call = submission.start("download_all", [drip], out, timeout=0.8, retries=0)

    def given_up() -> bool:
        return call.finished or (mirror.requests("/drip.bin") > 0 and mirror.open_now == 0)

    ended = mirror.wait_until(given_up, seconds=2.6)
    expect(
        ended,
        f"timeout=0.8, the mirror sends 10 bytes a second: after {time.monotonic() - began:.1f} s the download "
        "still runs. It would take 60 s.",
        idea="The timeout of a socket bounds the silence between two packets, not the whole. Who looks at the clock, "
        "and how long can the read before it block?",
    )
    (download,) = downloads(call.result(), [drip])
    expect_failed(download, "its body could not arrive within the timeout")
    expect_only(out, set())


@kind("failure")
def test_a_refused_connection_does_not_stop_the_others(submission: Submission, mirror: Mirror) -> None:
    """When nobody listens at one address, its URL is reported and the other files arrive."""
    refused = mirror.refused_url().rstrip("/") + "/refused.bin"
    good = mirror.serve("/good.bin", body=b"good")
    out = submission.folder / "out"
    urls = [refused, good]
    found = by_url(submission.download_all(urls, out, max_workers=1, retries=1), urls)
    expect_failed(found[refused], "the connection was refused")
    expect_arrived(submission, found[good], out, b"good")
    expect_only(out, {"good.bin"})


@kind("correctness")
def test_progress_comes_as_each_file_completes(submission: Submission, mirror: Mirror) -> None:
    """on_progress is called once for each distinct URL, as soon as its file is complete."""
    gates = {name: mirror.gate(None) for name in "abc"}
    urls = [mirror.serve(f"/{name}.bin", body=name.encode(), hold=gate) for name, gate in gates.items()]
    calls: queue.SimpleQueue[Any] = queue.SimpleQueue()
    seen: list[str] = []

    def progress(download: Any) -> None:
        calls.put(download)

    call = submission.start(
        "download_all", [*urls, urls[0]], submission.folder / "out", max_workers=3, on_progress=progress
    )
    mirror.wait_until(lambda: mirror.open_now == 3, seconds=2.0)
    for name in "cab":
        gates[name].open()
        try:
            download = calls.get(timeout=2.0)
        except queue.Empty:
            for gate in gates.values():
                gate.open()
            expect(
                False,
                f"{name}.bin was complete, but on_progress was not called while {2 - len(seen)} other download(s) ran",
                idea="Which future does your code wait for? as_completed gives the one that is done, "
                "not the next in the list.",
            )
        seen.append(name_of(str(getattr(download, "url", download))))
    downloads(call.result(), [*urls, urls[0]])
    while not calls.empty():
        seen.append(name_of(str(getattr(calls.get(), "url", ""))))
    expect(
        seen == ["c.bin", "a.bin", "b.bin"],
        f"the files completed in the order c, a, b; on_progress was called for {', '.join(seen)}",
        idea="One call for each distinct URL, in the order of completion.",
    )


@kind("schedules")
def test_progress_calls_never_overlap(submission: Submission, mirror: Mirror, rendezvous: Rendezvouses) -> None:
    """While one on_progress call runs, no other begins, whatever completes meanwhile."""
    meeting = rendezvous(2, seconds=0.8)
    reported: list[str] = []

    def progress(download: Any) -> None:
        reported.append(name_of(str(getattr(download, "url", download))))
        meeting.enter()  # holds the first call open until a second one comes in, or for a while

    gate = mirror.gate(3)
    urls = [mirror.serve(f"/{n}.bin", body=b"x", hold=gate) for n in range(3)]
    result = submission.download_all(urls, submission.folder / "out", max_workers=3, on_progress=progress)
    expect(
        not meeting.met,
        "on_progress was inside for one file when a second thread called it for another: two calls at the same time",
        idea="A counter in the callback would lose updates. Let one thread make all the calls, "
        "or hold one lock, the same for all of them.",
    )
    expect(
        sorted(reported) == ["0.bin", "1.bin", "2.bin"],
        f"3 files were fetched, on_progress was called for {', '.join(sorted(reported))}",
    )
    downloads(result, urls)


@kind("failure")
def test_a_callback_that_raises_stops_the_rest(submission: Submission, mirror: Mirror) -> None:
    """When on_progress raises: nothing new starts, the running requests end, the exception comes out."""
    gate = mirror.gate(None)
    quick = mirror.serve("/quick.bin", body=b"quick")
    running = mirror.serve("/running.bin", body=b"running", hold=gate)
    busy = mirror.serve("/busy.bin", status=503, hold=gate)
    rest = [mirror.serve(f"/rest{n}.bin", body=b"rest", hold=gate) for n in range(5)]
    urls = [quick, running, busy, *rest]
    reported: list[str] = []
    begun: list[int] = []
    raised = threading.Event()

    def progress(download: Any) -> None:
        reported.append(name_of(str(getattr(download, "url", download))))
        if not raised.is_set():
            # Every worker is to be busy first, so that none is just between two files.
            mirror.wait_until(lambda: mirror.open_now >= 3, seconds=1.0)
            begun.append(len(mirror.log))
            raised.set()
        raise RuntimeError("the progress window was closed")

    out = submission.folder / "out"
    call = submission.start(error_of_download, urls, out, 3, progress)
    raised.wait(3.0)
    expect(
        raised.is_set(),
        "quick.bin was complete, but on_progress was not called while the other downloads ran",
        idea="Which future does your code wait for?",
    )
    early = mirror.wait_until(lambda: call.finished, seconds=0.5)
    open_then = mirror.open_now
    gate.open()
    raised_names = call.result() or ["nothing"]
    expect(
        not early or not open_then,
        f"download_all ended while {open_then} requests were still open",
        idea="Who waits for the running downloads when the exception leaves download_all?",
    )
    expect(
        "RuntimeError" in raised_names,
        f"on_progress raised RuntimeError; download_all raised {raised_names[0]}",
        idea="The caller's own exception has to come out of download_all.",
    )
    later = len(mirror.log) - begun[0]
    expect(
        later == 0,
        f"{later} requests began after on_progress had raised (a retry counts)",
        idea="Leaving `with ThreadPoolExecutor` waits for everything that was submitted. What has to be cancelled, "
        "and who tells a worker that is about to retry?",
    )
    expect(
        reported == ["quick.bin"],
        f"on_progress raised, and was called again for {', '.join(reported[1:3])}",
        idea="A callback that has raised is not called again.",
    )
    expect(
        (out / "running.bin").is_file(),
        "running.bin was on its way when on_progress raised; it should have been completed",
        idea="What runs may end; only what has not begun is given up.",
    )


@kind("hygiene")
def test_nothing_is_left_behind(submission: Submission, mirror: Mirror) -> None:
    """After success, failure and a callback that raised, no thread and no connection is left."""
    good = [mirror.serve(f"/good{n}.bin", body=b"good" * 1000) for n in range(6)]
    missing = mirror.serve("/missing.bin", status=404)

    def progress(download: Any) -> None:
        raise RuntimeError("enough")

    urls = [*good, missing]
    downloads(submission.download_all(urls, submission.folder / "out", max_workers=4), urls)
    submission.error_of("download_all", good, submission.folder / "again", max_workers=4, on_progress=progress)
    leaks = submission.finish()
    leaks.expect_none()


@kind("speedup")
def test_eight_workers_are_faster_than_one(submission: Submission, mirror: Mirror, speedup: Speedup) -> None:
    """Twenty-four files of 40 ms each arrive at least 4 times as fast as one after the other."""
    bodies = {mirror.serve(f"/{n}.bin", body=bytes([n]) * 10_000, delay=0.04): bytes([n]) * 10_000 for n in range(24)}
    urls = list(bodies)
    runs: list[Path] = []

    def fresh() -> Path:
        runs.append(submission.folder / f"run{len(runs)}")
        return runs[-1]

    def baseline(out: Path) -> list[bytes]:
        with requests.Session() as session:
            return [session.get(url, timeout=5).content for url in urls]

    def attempt(out: Path) -> object:
        return submission.timed("download_all", urls, out, max_workers=8)

    def same(expected: list[bytes], got: object) -> bool:
        downloads(got, urls)
        files = [runs[-1] / name_of(url) for url in urls]
        return [submission.file(file) for file in files] == expected

    speedup.latency(fresh=fresh, baseline=baseline, attempt=attempt, same=same, at_least=4.0)
