"""The mirror counts honestly."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from grader.services.mirror import Mirror


@pytest.fixture
def server() -> Iterator[Mirror]:
    made = Mirror()
    made.start()
    yield made
    made.close()


def test_one_after_the_other_is_never_two_at_once(server: Mirror) -> None:
    url = server.serve("/a", b"abc")
    for _ in range(200):
        assert requests.get(url, timeout=5).content == b"abc"
    assert server.most_open == 1
    assert server.requests("/a") == 200


def test_a_gate_meets_only_when_all_wait_at_once(server: Mirror) -> None:
    gate = server.gate(3)
    url = server.serve("/a", b"abc", hold=gate)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: requests.get(url, timeout=5), range(3)))
    assert gate.met
    alone = server.gate(2, seconds=0.1)
    requests.get(server.serve("/b", b"x", hold=alone), timeout=5)
    assert not alone.met


def test_it_fails_as_often_as_it_was_told(server: Mirror) -> None:
    url = server.serve("/a", b"abc", fail_first=2)
    assert [requests.get(url, timeout=5).status_code for _ in range(3)] == [503, 503, 200]


def test_a_reset_breaks_the_body(server: Mirror) -> None:
    url = server.serve("/a", b"x" * 100_000, reset_after=1000)
    with pytest.raises(requests.exceptions.RequestException):
        _ = requests.get(url, timeout=5).content


def test_a_client_that_left_is_no_longer_counted(server: Mirror) -> None:
    gate = server.gate(None)
    url = server.serve("/a", b"abc", hold=gate)
    with pytest.raises(requests.exceptions.Timeout):
        requests.get(url, timeout=0.2)
    assert server.wait_until(lambda: server.open_now == 0)
    assert server.log[0].given_up
    gate.open()


def test_an_open_gate_lets_waiters_go(server: Mirror) -> None:
    gate = server.gate(None)
    url = server.serve("/a", b"abc", hold=gate)
    answer: list[bytes] = []
    thread = threading.Thread(target=lambda: answer.append(requests.get(url, timeout=5).content))
    thread.start()
    assert server.wait_until(lambda: gate.waiting == 1)
    gate.open()
    thread.join()
    assert answer == [b"abc"]
