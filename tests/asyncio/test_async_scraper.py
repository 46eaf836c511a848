"""Checks of async_scraper. Every page is served by the judge, which counts requests and holds answers back."""

from __future__ import annotations

import asyncio
import random
import threading
import urllib.request
from collections import Counter
from typing import Any
from urllib.parse import urljoin

from grader.judge import Mirror, Speedup, Submission, expect, kind, records, scenario

EXERCISE = "async_scraper"
FIELDS = {"url": str, "status": (int, type(None)), "title": (str, type(None)), "links": (tuple, list), "depth": int}
FIELDS["error"] = (str, type(None))


# -- inside the submission -------------------------------------------------------------------------


@scenario
async def over_http(student: Any, name: str, target: Any, options: dict[str, Any], steer: Any = None) -> Any:
    """Call `fetch_all` or `scrape` with the real fetch, while `steer` (a function of the judge) runs beside it."""
    from aiohttp import ClientSession
    from site_tools import http_fetch

    if options.get("hosts") is not None:
        options = {**options, "hosts": frozenset(options["hosts"])}
    async with ClientSession() as session:
        steering = asyncio.get_running_loop().run_in_executor(None, steer) if steer else None
        try:
            return await getattr(student, name)(target, http_fetch(session), **options)
        finally:
            if steering is not None:
                await steering


@scenario
async def fetch_all_over_http(student: Any, urls: list[str], options: dict[str, Any], steer: Any = None) -> Any:
    return await over_http(student, "fetch_all", urls, options, steer)


@scenario
async def scrape_over_http(student: Any, start: str, options: dict[str, Any], steer: Any = None) -> Any:
    return await over_http(student, "scrape", start, options, steer)


@scenario
async def call_over_http(student: Any, name: str, target: Any, options: dict[str, Any]) -> tuple[bool, Any]:
    """(True, pages) or (False, the name of the exception that got out)."""
    try:
        return True, await over_http(student, name, target, options)
    except NotImplementedError:
        raise
    except BaseExceptionGroup as group:
        inside = sorted({type(error).__name__ for error in group.exceptions})
        return False, f"{type(group).__name__} with {', '.join(inside)}"
    except Exception as error:
        return False, type(error).__name__


@scenario
async def fetch_all_with_watched_fetch(student: Any, urls: list[str]) -> tuple[int, int]:
    """(calls of fetch on the thread of the event loop, calls on any other thread)."""
    from aiohttp import ClientSession
    from site_tools import http_fetch

    loop_thread = threading.get_ident()
    seen = []
    async with ClientSession() as session:
        real = http_fetch(session)

        async def fetch(url: str) -> Any:
            seen.append(threading.get_ident())
            return await real(url)

        await student.fetch_all(urls, fetch)
    return seen.count(loop_thread), len(seen) - seen.count(loop_thread)


@scenario
async def call_with_scripted_fetch(
    student: Any, name: str, target: Any, texts: dict[str, str]
) -> tuple[Any, list[str]]:
    """Call with a fetch that reads from `texts`: (pages, the URLs it was asked for)."""
    from site_tools import Response

    asked = []

    async def fetch(url: str) -> Any:
        asked.append(url)
        await asyncio.sleep(0)
        return Response(200, {"Content-Type": "text/html"}, texts[url])

    return await getattr(student, name)(target, fetch), asked


@scenario
async def fetch_all_beside_other_work(student: Any, url: str, other_url: str, page_asked_for: Any) -> None:
    """Fetch `url` with the student's function; when it is on its way, let the same loop fetch `other_url`."""
    from aiohttp import ClientSession
    from site_tools import http_fetch

    async with ClientSession() as session:
        waiting = asyncio.get_running_loop().run_in_executor(None, page_asked_for)

        async def other_work() -> None:
            await waiting
            await http_fetch(session)(other_url)

        other = asyncio.create_task(other_work())
        try:
            await student.fetch_all([url], http_fetch(session))
        finally:
            await other


@scenario
async def scrape_one_page(student: Any, start: str, seconds: float) -> tuple[bool, Any]:
    """(True, pages), or (False, number of waiting tasks) when `scrape` has not ended after `seconds`."""
    from aiohttp import ClientSession
    from site_tools import http_fetch

    async with ClientSession() as session:
        others = asyncio.all_tasks()
        task = asyncio.create_task(student.scrape(start, http_fetch(session)))
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if done:
            return True, task.result()
        waiting = asyncio.all_tasks() - others - {task}
        for rest in {task, *waiting}:
            rest.cancel()
        await asyncio.wait({task, *waiting}, timeout=0.5)
        return False, len(waiting)


@scenario
async def cancel_while_fetching(
    student: Any, name: str, target: Any, fetches_held: Any, fetches_gone: Any
) -> tuple[str, int, bool]:
    """Cancel the call while fetches are held: (how it ended, tasks left, whether the judge saw all fetches end)."""
    from aiohttp import ClientSession
    from site_tools import http_fetch

    async with ClientSession() as session:
        before = asyncio.all_tasks()
        task = asyncio.create_task(getattr(student, name)(target, http_fetch(session), concurrency=4))
        await asyncio.to_thread(fetches_held)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=1.0)
        ending = "still running"
        if done:
            ending = "CancelledError"
            if not task.cancelled():
                task.result()  # raises what it raised
                ending = "it returned a result"
        rest = {other for other in asyncio.all_tasks() - before if other is not task}
        if rest:
            _, rest = await asyncio.wait(rest, timeout=0.2)
        gone = await asyncio.to_thread(fetches_gone)
        while not task.done() or any(not other.done() for other in rest):
            for other in {task, *rest}:
                other.cancel()
            await asyncio.wait({task, *rest}, timeout=0.05)
        return ending, len(rest), gone


@scenario
async def scrape_and_fetch_all(student: Any, start: str, urls: list[str]) -> list[str]:
    """A typical use with asyncio's debug mode on: what the event loop complained about."""
    from aiohttp import ClientSession
    from site_tools import http_fetch

    complaints = []
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.set_exception_handler(lambda _, context: complaints.append(str(context.get("message"))))
    async with ClientSession() as session:
        await student.scrape(start, http_fetch(session), timeout=0.3)
        await student.fetch_all(urls, http_fetch(session), timeout=0.3)
    return complaints


# -- helpers of the judge --------------------------------------------------------------------------


def serve_page(
    mirror: Mirror, path: str, links: list[str] | tuple[str, ...] = (), title: str = "page", **how: Any
) -> str:
    anchors = "\n".join(f'<li><a href="{link}">read on</a></li>' for link in links)
    body = f"<!doctype html>\n<html><head><title>{title}</title></head>\n<body><ul>\n{anchors}\n</ul></body></html>\n"
    return mirror.serve(path, body=body.encode(), content_type="text/html; charset=utf-8", **how)


def pages_of(result: Any) -> list[Any]:
    return records(result, "Page", **FIELDS)


def short(urls: Any) -> str:
    """A few URLs for a message: paths, in order."""
    paths = [path_of(url) for url in urls]
    return ", ".join(paths[:4]) + (f" and {len(paths) - 4} more" if len(paths) > 4 else "")


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[-1] if url.count("/") > 2 else url


def expect_good(pages: list[Any]) -> None:
    for page in pages:
        expect(
            page.error is None and page.status == 200,
            f"{path_of(page.url)} was answered with status 200, but the Page says status {page.status}, error {page.error!r}.",
            idea="A page that arrived in time with a status below 400 has no error.",
        )


def expect_urls(pages: list[Any], urls: Any) -> None:
    got, wanted = [page.url for page in pages], set(urls)
    missing, extra = sorted(wanted - set(got)), sorted(set(got) - wanted)
    expect(
        not missing,
        f"Missing in the result: {short(missing)}.",
        idea="Follow every link of the site that is not too deep, and wait until each page has arrived.",
    )
    expect(
        not extra,
        f"In the result, but not part of the site: {', '.join(extra[:3])}.",
        idea="Look at scheme, host, port, depth.",
    )
    doubles = sorted(url for url, times in Counter(got).items() if times > 1)
    expect(not doubles, f"Reported more than once: {short(doubles)}.", idea="One Page for each normalised URL.")


def expect_error(page: Any, error: str | None, status: int | None, idea: str) -> None:
    says = f"{path_of(page.url)}: status {page.status!r}, title {page.title!r}, {len(page.links)} links, error {page.error!r}"
    if error is None:
        expect(bool(page.error), f"{says}; the error must name what happened.", idea=idea)
    else:
        expect(page.error == error, f"{says}; the error must be {error!r}.", idea=idea)
    expect(
        page.status == status or (error is None and page.status == 200),
        f"{says}; the status must be {status}.",
        idea=idea,
    )
    expect(
        page.title is None and not page.links,
        f"{says}; a page with an error has title None and no links.",
        idea="An error page of a server is no page of the site: do not read it.",
    )


def errors_as_pages(
    submission: Submission, name: str, target: Any, options: dict[str, Any], story: str, idea: str
) -> list[Any]:
    """The pages of a call that must turn errors into Pages."""
    returned, value = submission.run(call_over_http, name, target, options)
    expect(returned, f"{name} raised {value} instead of returning Pages: {story}.", idea=idea)
    return pages_of(value)


# -- fetch_all -------------------------------------------------------------------------------------


@kind("rule")
def test_fetch_runs_on_the_event_loop(submission: Submission, mirror: Mirror) -> None:
    """`fetch` is awaited on the thread of the event loop, not in other threads."""
    urls = [serve_page(mirror, f"/{i}") for i in range(4)]
    _, elsewhere = submission.run(fetch_all_with_watched_fetch, urls)
    expect(
        elsewhere == 0,
        f"`fetch` ran on another thread in {elsewhere} of {len(urls)} calls.",
        idea="A coroutine belongs to one event loop. Waiting for many pages needs tasks, not threads.",
    )


@kind("correctness")
def test_pages_come_back_in_the_order_of_the_urls(submission: Submission, mirror: Mirror, rng: random.Random) -> None:
    """The pages are in the order of the URLs, whichever arrives first."""
    titles = [f"Chapter {rng.randrange(10**9)}" for _ in range(6)]
    links = ["/a#top", "b", "https://elsewhere.example/"]
    urls = [serve_page(mirror, f"/{i}.html", links, titles[i], delay=(5 - i) * 0.05) for i in range(6)]
    pages = pages_of(submission.run(fetch_all_over_http, urls, {}))
    expect_urls(pages, urls)
    expect(
        [page.url for page in pages] == urls,
        f"Asked for {short(urls)}; the pages came in the order {short([page.url for page in pages])}.",
        idea="The first page to arrive need not be the first that was asked for. Where do you keep which result belongs where?",
    )
    expect_good(pages)
    wrong = [page for page, title in zip(pages, titles, strict=True) if page.title != title]
    expect(
        not wrong,
        f"{len(wrong)} of {len(pages)} titles are wrong.",
        idea="`title` is the first value of `extract(text, url)`.",
    )
    expected = tuple(urljoin(urls[0], link) for link in links)
    expect(
        all(tuple(page.links) == expected and page.depth == 0 for page in pages),
        f"/0.html has the links {', '.join(expected)}; its Page has {', '.join(map(str, pages[0].links)) or 'none'}, depth {pages[0].depth}.",
        idea="`links` is what `extract` returns, unchanged; `depth` is 0 in fetch_all.",
    )


@kind("correctness")
def test_no_urls_give_no_pages(submission: Submission) -> None:
    """No URLs: an empty list, at once."""
    result = submission.run(fetch_all_over_http, [], {})
    expect(
        result == [], f"fetch_all([]) returned {result!r}, not [].", idea="What do you wait for when there is no task?"
    )


@kind("correctness")
def test_a_repeated_url_is_fetched_once(submission: Submission, mirror: Mirror) -> None:
    """A URL that occurs twice is fetched once and reported twice."""
    twice, once = serve_page(mirror, "/twice", delay=0.05), serve_page(mirror, "/once")
    urls = [twice, once, twice, twice]
    pages = pages_of(submission.run(fetch_all_over_http, urls, {}))
    expect(
        [page.url for page in pages] == urls,
        f"Four URLs were given, two of them different; the result has {len(pages)} pages: {short([page.url for page in pages])}.",
        idea="One Page for each URL that was given, in the same order.",
    )
    expect(
        mirror.requests("/twice") == 1,
        f"/twice stands in the list three times and was requested {mirror.requests('/twice')} times.",
        idea="The second one asks while the first is still on its way. What could both wait for?",
    )


@kind("bounds")
def test_the_event_loop_keeps_running(submission: Submission, mirror: Mirror) -> None:
    """While a page is on its way, other coroutines of the program go on."""
    gate = mirror.gate(2)
    page, other = serve_page(mirror, "/page", hold=gate), serve_page(mirror, "/other", hold=gate)

    def page_asked_for() -> None:
        mirror.wait_until(lambda: mirror.requests("/page") > 0, seconds=2.0)

    submission.run(fetch_all_beside_other_work, page, other, page_asked_for)
    expect(
        gate.met,
        "The event loop stood still while /page was on its way: another coroutine of the program could not send its request.",
        idea="That is a blocking call: one page at a time, whatever you gather. Inside a coroutine, wait with `await` only.",
    )


@kind("bounds")
def test_eight_pages_are_on_their_way_at_once(submission: Submission, mirror: Mirror) -> None:
    """With `concurrency=8`, eight requests are open at the same time."""
    gate = mirror.gate(8)
    urls = [serve_page(mirror, f"/{i}", hold=gate) for i in range(8)]
    pages = pages_of(submission.run(fetch_all_over_http, urls, {"concurrency": 8, "timeout": 5.0}))
    expect(
        gate.met,
        f"Eight pages were held until all eight had been asked for; at most {gate.most} were asked for at once.",
        idea="`await` in a loop waits for one page before it asks for the next. What must be started before the first wait?",
    )
    expect_urls(pages, urls)


@kind("bounds")
def test_fetch_all_keeps_and_uses_concurrency(submission: Submission, mirror: Mirror) -> None:
    """`fetch_all` has `concurrency` requests open when there is work, and never more."""
    gate = mirror.gate(None)
    urls = [serve_page(mirror, f"/{i}", hold=gate) for i in range(12)]
    reached = []

    def steer() -> None:
        reached.append(mirror.wait_until(lambda: mirror.open_now >= 3, seconds=2.0))
        mirror.wait_until(lambda: mirror.open_now > 3, seconds=0.3)
        gate.open()

    pages = pages_of(submission.run(fetch_all_over_http, urls, {"concurrency": 3}, steer))
    expect(
        mirror.most_open <= 3,
        f"{mirror.most_open} requests were open at once; concurrency=3 was asked for.",
        idea="Who decides how many may go at once? Starting all tasks is fine, if each waits for a place before it fetches.",
    )
    expect(
        reached == [True],
        f"Only {mirror.most_open} requests were open at once, although 12 pages were left and concurrency=3 was asked for.",
        idea="The limit is there to be used: three fetches at a time, not fewer.",
    )
    expect_urls(pages, urls)


# -- scrape ----------------------------------------------------------------------------------------


@kind("correctness")
def test_a_site_of_one_page_ends(submission: Submission, mirror: Mirror) -> None:
    """A site of one page without links ends with that one page."""
    start = serve_page(mirror, "/", title="")
    ended, result = submission.run(scrape_one_page, start, 2.0)
    expect(
        ended,
        f"scrape() did not end: the only page has arrived and has no links, and {result} tasks go on waiting.",
        idea="All workers wait for work that only they could add. Who notices that nothing is left to do?",
    )
    pages = pages_of(result)
    expect_urls(pages, [start])
    expect_good(pages)
    expect(
        pages[0].title is None,
        f"The page has no title; the Page says {pages[0].title!r}.",
        idea="`extract` returns None for it.",
    )


@kind("correctness")
def test_scrape_waits_for_every_page(submission: Submission, mirror: Mirror) -> None:
    """`scrape` returns when the last page has arrived, not before."""
    start = serve_page(mirror, "/", ["/a", "/b", "/c"])
    urls = [start, *(serve_page(mirror, path, delay=0.1) for path in ("/a", "/b", "/c"))]
    pages = pages_of(submission.run(scrape_over_http, start, {}))
    missing = sorted(set(urls) - {page.url for page in pages})
    expect(
        not missing,
        f"scrape() returned too early: {short(missing)} of the site {'is' if len(missing) == 1 else 'are'} missing.",
        idea="Starting a task is not waiting for it. Who waits for the tasks that fetch the links?",
    )
    expect_good(pages)


@kind("schedules")
def test_each_page_is_requested_once(submission: Submission, mirror: Mirror) -> None:
    """Pages that all link to each other are requested once each, whichever answer comes first."""
    first, second = mirror.gate(None), mirror.gate(None)
    group, beyond = ["/p1", "/p2", "/p3", "/p4"], ["/q1", "/q2"]
    start = serve_page(mirror, "/", group)
    serve_page(mirror, "/p1", ["/", *group, *beyond])
    for path in group[1:]:
        serve_page(mirror, path, ["/", *group, *beyond], hold=first)
    for path in beyond:
        serve_page(mirror, path, ["/", *group, *beyond], hold=second)

    def steer() -> None:
        # /p1 is answered, the other three are held: their links are known from two places now.
        mirror.wait_until(lambda: mirror.requests("/p2") > 1 or mirror.requests("/q2") > 0, seconds=0.5)
        first.open()
        mirror.wait_until(lambda: mirror.requests("/q1") > 1, seconds=0.5)
        second.open()

    result = submission.run(scrape_over_http, start, {"per_host": 8, "concurrency": 8}, steer)
    times = {path: mirror.requests(path) for path in ["/", *group, *beyond]}
    doubles = [f"{path} {count} times" for path, count in times.items() if count > 1]
    expect(
        not doubles,
        f"Requested more than once: {', '.join(doubles)}. Two tasks saw the link before either had marked it.",
        idea="Between looking whether a URL is known and marking it, is there an `await`? Mark when you schedule.",
    )
    expect_urls(pages_of(result), [mirror.url(path) for path in times])


@kind("correctness")
def test_depth_is_the_shortest_way(submission: Submission, mirror: Mirror) -> None:
    """`depth` is the length of the shortest way, also when a longer way is faster."""
    gate = mirror.gate(None)
    start = serve_page(mirror, "/", ["/fast", "/slow"])
    serve_page(mirror, "/fast", ["/fast2"])
    serve_page(mirror, "/fast2", ["/target"])
    serve_page(mirror, "/slow", ["/target"], hold=gate)
    serve_page(mirror, "/target", ["/leaf"])
    serve_page(mirror, "/leaf", ["/too-deep"])
    serve_page(mirror, "/too-deep")
    depths = {"/": 0, "/fast": 1, "/slow": 1, "/fast2": 2, "/target": 2, "/leaf": 3}

    def steer() -> None:
        mirror.wait_until(lambda: mirror.requests("/target") > 0, seconds=0.5)
        gate.open()

    pages = pages_of(submission.run(scrape_over_http, start, {"max_depth": 3}, steer))
    wrong = [
        f"{path} has depth {page.depth}, its shortest way is {depths[path]} long"
        for page in pages
        if (path := path_of(page.url)) in depths and page.depth != depths[path]
    ]
    expect(
        not wrong,
        f"{'; '.join(wrong[:2])}.",
        idea="The way that was found first is not always the shortest way. When are you sure that no shorter one comes?",
    )
    expect_urls(pages, [mirror.url(path) for path in depths])
    expect(
        mirror.requests("/too-deep") == 0,
        "max_depth=3, but a page of depth 4 was requested.",
        idea="Compare before you schedule.",
    )


@kind("bounds")
def test_no_host_gets_more_than_per_host(submission: Submission, mirror: Mirror) -> None:
    """At most `per_host` requests to one host are open, and that many are."""
    gate = mirror.gate(None)
    paths = [f"/{i}" for i in range(10)]
    start = serve_page(mirror, "/", paths)
    urls = [start, *(serve_page(mirror, path, hold=gate) for path in paths)]
    reached = []

    def steer() -> None:
        reached.append(mirror.wait_until(lambda: mirror.open_now >= 3, seconds=1.5))
        mirror.wait_until(lambda: mirror.open_now > 3, seconds=0.3)
        gate.open()

    pages = pages_of(submission.run(scrape_over_http, start, {"concurrency": 8, "per_host": 3}, steer))
    expect(
        mirror.most_open <= 3,
        f"{mirror.most_open} requests to one host were open at once; per_host=3 was asked for.",
        idea="`concurrency` counts all requests, `per_host` those to one host name. Each host needs places of its own.",
    )
    expect(
        reached == [True],
        f"Only {mirror.most_open} requests were open at once, although ten pages were left and per_host=3, concurrency=8.",
        idea="The limits are there to be used: three fetches at a time, not fewer.",
    )
    expect_urls(pages, urls)


def two_hosts(mirror: Mirror, links: list[str], gate: Any) -> str:
    """A start page that links to pages on both host names, all held."""
    for link in links:
        serve_page(mirror, path_of(link), hold=gate)
    return serve_page(mirror, "/", links)


@kind("bounds")
def test_concurrency_counts_all_hosts_together(submission: Submission, mirror: Mirror) -> None:
    """At most `concurrency` requests are open, all hosts together."""
    gate = mirror.gate(None)
    links = [mirror.url(f"/{host[0]}{i}", host=host) for i in range(5) for host in ("127.0.0.1", "localhost")]
    start = two_hosts(mirror, links, gate)

    def steer() -> None:
        mirror.wait_until(lambda: mirror.open_now >= 4, seconds=1.5)
        mirror.wait_until(lambda: mirror.open_now > 4, seconds=0.3)
        gate.open()

    options = {"concurrency": 4, "per_host": 3, "hosts": ["127.0.0.1", "localhost"]}
    pages = pages_of(submission.run(scrape_over_http, start, options, steer))
    expect(
        mirror.most_open <= 4,
        f"{mirror.most_open} requests were open at once, all hosts together; concurrency=4 was asked for.",
        idea="A place at the host is not enough: each fetch needs one of the places for all hosts together too.",
    )
    expect(
        max(mirror.most_open_at(host) for host in ("127.0.0.1", "localhost")) <= 3,
        "More than three requests to one host were open at once; per_host=3 was asked for.",
        idea="Each host name has `per_host` places of its own.",
    )
    expect_urls(pages, [start, *links])


@kind("bounds")
def test_a_busy_host_does_not_hold_up_another(submission: Submission, mirror: Mirror) -> None:
    """Pages that wait for a busy host leave the remaining places to other hosts."""
    gate = mirror.gate(None)
    links = [mirror.url(f"/{host[0]}{i}", host=host) for host in ("127.0.0.1", "localhost") for i in range(8)]
    start = two_hosts(mirror, links, gate)
    reached = []

    def steer() -> None:
        reached.append(mirror.wait_until(lambda: mirror.open_now >= 5, seconds=1.5))
        gate.open()

    options = {"concurrency": 5, "per_host": 3, "hosts": ["127.0.0.1", "localhost"]}
    pages = pages_of(submission.run(scrape_over_http, start, options, steer))
    expect(
        reached == [True],
        f"At most {mirror.most_open} requests were open at once, with concurrency=5, per_host=3 and work for two hosts.",
        idea="Who takes a place of the total and then waits for its host keeps that place from the other host. Which one first?",
    )
    expect(mirror.most_open <= 5, f"{mirror.most_open} requests were open at once; concurrency=5 was asked for.")
    expect_urls(pages, [start, *links])


def grow_site(mirror: Mirror, rng: random.Random) -> tuple[dict[str, int], dict[str, str], dict[str, tuple[str, ...]]]:
    """Forty pages in three depths with cycles and many spellings: depth, title and links by URL. More pages lie deeper."""
    site = mirror.url("/")
    sections = [f"/s{i}/" for i in range(6)]
    leaves = [f"{sections[i % 6]}p{i}.html" for i in range(33)]
    links: dict[str, list[str]] = {
        "/": ["s0/", "s1/#top", f"{site}x/../s2/", "./s3/", "/s4/", "s4/#faq", "#top", "/s5/."]
    }
    away = [mirror.url("/away", host="localhost"), site.replace("http:", "https:") + "away", "http://127.0.0.1:9/away"]
    for i, section in enumerate(sections):
        own = [leaf for leaf in leaves if leaf.startswith(section)]
        spelled = [
            rng.choice([leaf, leaf + "#part", leaf.rpartition("/")[2], f"../s{i}/{leaf.rpartition('/')[2]}"])
            for leaf in own
        ]
        links[section] = ["", "#here", "../", f"../s{(i + 1) % 6}/", away[i % 3], *spelled]
    for leaf in leaves:
        links[leaf] = [
            "./",
            rng.choice(leaves),
            rng.choice(leaves) + "#end",
            "mailto:docs@example.org",
            "/deeper/1",
            rng.choice(away),
        ]
    titles = {path: f"Page {rng.randrange(10**9)}" for path in links}
    for path in links:
        serve_page(mirror, path, links[path], titles[path], delay=rng.choice([0, 0, 0.01]))
    serve_page(mirror, "/deeper/1")
    serve_page(mirror, "/away")
    depths = {mirror.url(path): 0 if path == "/" else 1 if path in sections else 2 for path in links}
    absolute = {
        mirror.url(path): tuple(
            urljoin(mirror.url(path), link) for link in links[path] if not link.startswith("mailto:")
        )
        for path in links
    }
    return depths, {mirror.url(path): title for path, title in titles.items()}, absolute


@kind("correctness")
def test_a_site_of_forty_pages_is_reported_exactly(submission: Submission, mirror: Mirror, rng: random.Random) -> None:
    """A site of 40 pages with cycles, fragments and links to other sites is reported exactly."""
    depths, titles, links = grow_site(mirror, rng)
    pages = pages_of(submission.run(scrape_over_http, mirror.url("/#start"), {}))
    doubles = [path for path in map(path_of, depths) if mirror.requests(path) > 1]
    expect(
        not doubles,
        f"Requested more than once: {', '.join(doubles[:4])}.",
        idea="`/guide`, `/guide#top` and `/x/../guide` are one page. Compare URLs in one spelling only.",
    )
    expect_urls(pages, depths)
    expect(
        mirror.requests("/away") == 0 and mirror.requests("/deeper/1") == 0,
        "A page was requested that is not part of the site, or deeper than max_depth.",
        idea="Decide before you fetch: same scheme, host and port, and not too deep.",
    )
    expect_good(pages)
    expect(
        [page.url for page in pages] == sorted(depths, key=lambda url: (depths[url], url)),
        "The pages are not sorted by (depth, url).",
        idea="Sort at the end; the order of arrival is luck.",
    )
    for page in pages:
        expect(
            (page.depth, page.title, tuple(page.links)) == (depths[page.url], titles[page.url], links[page.url]),
            f"{path_of(page.url)}: depth {page.depth}, title {page.title!r}, {len(page.links)} links; "
            f"it has depth {depths[page.url]}, title {titles[page.url]!r}, {len(links[page.url])} links.",
            idea="Title and links are what `extract` returns for this page, unchanged.",
        )


@kind("correctness")
def test_no_more_than_max_pages_are_fetched(submission: Submission, mirror: Mirror) -> None:
    """Exactly `max_pages` pages are fetched when there are more."""
    paths = [f"/{i}" for i in range(12)]
    start = serve_page(mirror, "/", paths)
    for path in paths:
        serve_page(mirror, path, [f"{path}/deeper"], delay=0.03)
        serve_page(mirror, f"{path}/deeper")
    pages = pages_of(submission.run(scrape_over_http, start, {"max_pages": 7}))
    asked = len(mirror.log)
    expect(
        asked <= 7,
        f"{asked} pages were requested; max_pages=7 was asked for.",
        idea="Count a page when you schedule it. Pages on their way have been started, too.",
    )
    expect(
        asked == len(pages) == 7,
        f"{asked} pages were requested and {len(pages)} reported; max_pages=7 was asked for and there are 25.",
        idea="Every fetch that was started is reported, and as many as allowed are started.",
    )
    deep = [page.url for page in pages if page.depth > 1 or page.url.endswith("/deeper")]
    expect(
        not deep, f"{short(deep)} was fetched although pages of depth 1 were left.", idea="Smaller depths come first."
    )


@kind("correctness")
def test_a_redirect_is_reported_not_followed(submission: Submission, mirror: Mirror) -> None:
    """A redirect is a Page without error, and its target is not fetched."""
    start = serve_page(mirror, "/", ["/old"])
    old = serve_page(mirror, "/old", title="Moved", status=301, headers={"Location": mirror.url("/new")})
    serve_page(mirror, "/new")
    pages = pages_of(submission.run(scrape_over_http, start, {}))
    expect(
        mirror.requests("/new") == 0,
        "/old answered 301, and its target /new was requested.",
        idea="Redirects are not followed.",
    )
    expect_urls(pages, [start, old])
    page = next(page for page in pages if page.url == old)
    expect(
        page.status == 301 and page.error is None and page.title == "Moved",
        f"/old answered 301; its Page has status {page.status}, title {page.title!r}, error {page.error!r}.",
        idea="Errors begin at status 400. A redirect is a page like any other.",
    )


@kind("rule")
def test_pages_come_through_fetch(submission: Submission, rng: random.Random) -> None:
    """Every page comes from the `fetch` that was passed in, whatever it does."""
    site = "http://docs.example/"
    titles = {site: f"Start {rng.randrange(10**9)}", f"{site}next": f"Next {rng.randrange(10**9)}"}
    texts = {url: f"<title>{title}</title><a href='next'>on</a>" for url, title in titles.items()}
    for name, target in (("fetch_all", sorted(texts)), ("scrape", site)):
        result, asked = submission.run(call_with_scripted_fetch, name, target, texts)
        expect(
            sorted(asked) == sorted(texts),
            f"{name} called 0 times the fetch it was given."
            if not asked
            else f"{name}: `fetch` was called {len(asked)} times for 2 pages.",
            idea="Whoever calls decides how pages are fetched: with cookies, from a cache, from a test. Use only `fetch`.",
        )
        pages = pages_of(result)
        expect(
            {page.url: page.title for page in pages} == titles,
            f"{name}: the titles are not those that `fetch` delivered.",
            idea="Use the text of the Response that `fetch` returns.",
        )


# -- what goes wrong -------------------------------------------------------------------------------


@kind("failure")
def test_a_dead_link_becomes_a_page_with_an_error(submission: Submission, mirror: Mirror) -> None:
    """A page that answers 404 becomes a Page with the error "HTTP 404"; the others are not disturbed."""
    start = serve_page(mirror, "/", ["/good", "/gone", "/late"])
    good, late = serve_page(mirror, "/good"), serve_page(mirror, "/late", delay=0.2)
    gone = serve_page(mirror, "/gone", ["/lost"], "Not Found", status=404)
    serve_page(mirror, "/lost")
    idea = "One dead link is a result, not the end. Where is the exception caught: around one page, or around all?"
    for name, target in (("fetch_all", [start, good, gone, late]), ("scrape", start)):
        pages = errors_as_pages(submission, name, target, {}, "one page answers 404", idea)
        page_of = {page.url: page for page in pages}
        expect_urls(list(page_of.values()), [start, good, gone, late])
        expect_error(page_of.pop(gone), "HTTP 404", 404, idea)
        expect_good(list(page_of.values()))


@kind("failure")
def test_a_server_error_becomes_a_page_with_an_error(submission: Submission, mirror: Mirror) -> None:
    """A page that answers 500 becomes a Page with the error "HTTP 500"."""
    good, broken = serve_page(mirror, "/good"), serve_page(mirror, "/broken", status=500, title="Oops")
    idea = "Every status from 400 on is an error, and its number belongs into `error`."
    pages = errors_as_pages(submission, "fetch_all", [broken, good], {}, "one page answers 500", idea)
    expect_urls(pages, [broken, good])
    expect_error(pages[0], "HTTP 500", 500, idea)
    expect_good(pages[1:])


@kind("failure")
def test_a_late_page_times_out_alone(submission: Submission, mirror: Mirror) -> None:
    """A page that takes longer than `timeout` has the error "timeout"; the others arrive."""
    late = serve_page(mirror, "/late", hold=mirror.gate(None, seconds=3.0))
    good = [serve_page(mirror, f"/{i}") for i in range(5)]
    idea = "The timeout belongs to one page: `asyncio.timeout` around the one `await fetch(url)`."
    pages = errors_as_pages(submission, "fetch_all", [late, *good], {"timeout": 1.0}, "one page is too late", idea)
    expect_urls(pages, [late, *good])
    expect_error(pages[0], "timeout", None, idea)
    lost = [page for page in pages[1:] if page.error == "timeout"]
    expect(not lost, f"One page was late, and {len(lost)} others have the error 'timeout' too.", idea=idea)
    expect_good(pages[1:])


@kind("failure")
def test_waiting_for_a_turn_is_not_timed(submission: Submission, mirror: Mirror) -> None:
    """`timeout` starts when the fetch of a page starts, not while the page waits for its turn."""
    urls = [serve_page(mirror, f"/{i}", delay=0.2) for i in range(6)]
    pages = pages_of(submission.run(fetch_all_over_http, urls, {"concurrency": 1, "timeout": 0.8}))
    late = [page for page in pages if page.error == "timeout"]
    expect(
        not late,
        f"Every page took 0.2 s with timeout=0.8, but {len(late)} of {len(pages)} have the error 'timeout'.",
        idea="They waited for a place. What is inside the timeout in your code: only the fetch, or the queue too?",
    )
    expect_good(pages)


@kind("failure")
def test_a_broken_connection_becomes_a_page_with_an_error(submission: Submission, mirror: Mirror) -> None:
    """A refused connection and one that breaks in the middle become Pages with an error."""
    refused, good = mirror.refused_url(), serve_page(mirror, "/good")
    broken = mirror.serve("/broken", body=b"x" * 50_000, content_type="text/html", reset_after=1000)
    idea = "Networks break in many ways, each with its own exception. Which class do they all have in common?"
    urls = [refused, broken, good]
    pages = errors_as_pages(submission, "fetch_all", urls, {}, "the connection breaks", idea)
    expect_urls(pages, urls)
    expect_error(pages[0], None, None, idea)
    expect_error(pages[1], None, None, idea)
    expect_good(pages[2:])


@kind("failure")
def test_a_page_that_is_no_text_becomes_a_page_with_an_error(submission: Submission, mirror: Mirror) -> None:
    """A body that cannot be decoded becomes a Page with an error."""
    binary = mirror.serve("/logo", body=b"\x89PNG\r\n\xff\xfe\x00\xd8", content_type="text/html; charset=utf-8")
    start, good = serve_page(mirror, "/", ["/logo", "/good"]), serve_page(mirror, "/good")
    idea = "`fetch` raises UnicodeDecodeError, which no client library knows. Any Exception of one page is data about that page."
    pages = errors_as_pages(submission, "scrape", start, {}, "one page is a picture", idea)
    page_of = {page.url: page for page in pages}
    expect_urls(pages, [start, binary, good])
    expect_error(page_of.pop(binary), None, None, idea)
    expect_good(list(page_of.values()))


# -- the end ---------------------------------------------------------------------------------------


@kind("failure")
def test_cancelling_leaves_no_task(submission: Submission, mirror: Mirror) -> None:
    """A cancelled call ends with CancelledError; its tasks and its requests end with it."""
    paths = [f"/{i}" for i in range(12)]
    start = serve_page(mirror, "/", paths)
    for name in ("fetch_all", "scrape"):
        gate = mirror.gate(None)
        urls = [serve_page(mirror, path, hold=gate) for path in paths]

        def fetches_held() -> None:
            mirror.wait_until(lambda: mirror.open_now >= 4, seconds=2.0)

        def fetches_gone() -> bool:
            gone = mirror.wait_until(lambda: mirror.open_now == 0, seconds=0.5)
            gate.open()  # noqa: B023 - called within this round
            return gone

        ending, left, gone = submission.run(
            cancel_while_fetching, name, urls if name == "fetch_all" else start, fetches_held, fetches_gone
        )
        expect(
            ending == "CancelledError",
            f"{name} was cancelled while four pages were on their way; a second later: {ending}.",
            idea="CancelledError is not an error of the page. Which `except` of yours catches it?",
        )
        expect(
            left == 0 and gone,
            f"{name} was cancelled, but {left} of its tasks are still running"
            + ("." if gone else " and requests are still open."),
            idea="Tasks do not end with the coroutine that started them. Who cancels them, on every way out?",
        )


@kind("hygiene")
def test_nothing_is_left_behind(submission: Submission, mirror: Mirror) -> None:
    """After a call, good pages and bad, no task, thread, connection or warning is left."""
    start = serve_page(mirror, "/", ["/a", "/gone", "/late", "/b"])
    late = serve_page(mirror, "/late", delay=1.0)
    urls = [serve_page(mirror, "/a"), serve_page(mirror, "/b", ["/a"]), late, mirror.refused_url()]
    serve_page(mirror, "/gone", status=404)
    complaints = submission.run(scrape_and_fetch_all, start, urls)
    expect(
        not complaints,
        f"The event loop complained: {'; '.join(complaints[:2])}.",
        idea="Every task is awaited by somebody, and so is its exception.",
    )
    submission.finish().expect_none()


@kind("speedup")
def test_thirty_pages_load_faster_than_one_by_one(submission: Submission, mirror: Mirror, speedup: Speedup) -> None:
    """Thirty pages of 40 ms each arrive at least 3.5 times as fast as one after the other."""
    urls = [serve_page(mirror, f"/{i}", title=f"Page {i}", delay=0.04) for i in range(30)]

    def one_by_one(targets: list[str]) -> list[bytes]:
        bodies = []
        for url in targets:
            with urllib.request.urlopen(url) as answer:
                bodies.append(answer.read())
        return bodies

    speedup.latency(
        fresh=lambda: list(urls),
        baseline=one_by_one,
        attempt=lambda targets: submission.timed(fetch_all_over_http, targets, {"concurrency": 8}),
        same=lambda bodies, result: (
            [f"<title>{p.title}</title>".encode() in body for p, body in zip(pages_of(result), bodies, strict=False)]
            == [True] * 30
        ),
        at_least=3.5,
    )
