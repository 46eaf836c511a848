"""Given: fetching one page and reading its links. Read it, use it, leave it as it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit, urlunsplit

import aiohttp


@dataclass(frozen=True)
class Response:
    """What a server answered. `headers` has the names as they were sent."""

    status: int
    headers: Mapping[str, str]
    text: str


Fetch = Callable[[str], Awaitable[Response]]


def http_fetch(session: aiohttp.ClientSession) -> Fetch:
    """Return `fetch(url)`, which gets one page over HTTP with `session`.

    Redirects are not followed. Any status is an answer, also 404. No answer is an exception:
    `aiohttp.ClientError` for broken or refused connections, `UnicodeDecodeError` for a body that is not text.
    """

    async def fetch(url: str) -> Response:
        async with session.get(url, allow_redirects=False) as answer:
            text = await answer.text(encoding=answer.charset or "utf-8")
            return Response(answer.status, dict(answer.headers), text)

    return fetch


def extract(html: str, base: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the title of a page (None if it has none) and its links, in the order of the page.

    Links are made absolute with `base`, the URL of the page; only http and https links are kept. They are otherwise as
    written: fragments stay, doubles stay.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    title = " ".join("".join(reader.title).split()) or None
    links = []
    for target in reader.targets:
        try:
            link = urljoin(base, target.strip())
            scheme = urlsplit(link).scheme
        except ValueError:  # such as http://[broken
            continue
        if scheme in ("http", "https"):
            links.append(link)
    return title, tuple(links)


def normalise(url: str) -> str:
    """Return the one spelling of `url`: no fragment, no `.` and `..`, host in lower case, no default port."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    if parts.port is not None and parts.port != {"http": 80, "https": 443}.get(scheme):
        host = f"{host}:{parts.port}"
    return urlunsplit((scheme, host, _without_dots(parts.path), parts.query, ""))


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title: list[str] = []
        self.targets: list[str] = []
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title":
            self._in_title = True
        elif tag == "a":
            self.targets.extend(value or "" for name, value in attrs if name == "href")

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
