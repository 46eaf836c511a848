"""Five light checks of warm_caches in plain Python, for a comparison with graders that run them beside the student's code.

They ask what five checks of `tests/threads/test_warm_caches.py` ask, and need nothing of this grader.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def no_loaders_give_an_empty_dictionary(student: Any) -> None:
    assert student.warm_all({}) == {}


def threads_are_named_after_their_keys(student: Any) -> None:
    seen = {}

    def loader(key: str) -> None:
        seen[key] = threading.current_thread().name, threading.current_thread().daemon

    loaders = {key: functools.partial(loader, key) for key in ("prices", "stock", "top 10")}
    with ThreadPoolExecutor(1) as pool:  # its threads are no daemons, and a new thread is what its maker is
        pool.submit(student.warm_all, loaders).result()
    assert seen == {key: (f"warm-{key}", False) for key in loaders}


def result_raises_what_the_function_raised(student: Any) -> None:
    error = LookupError("the price list is down")
    thread = student.ResultThread(_fails(error), name="prices")
    thread.start()
    assert _raised(thread.result) is error
    assert _raised(thread.result) is error


def a_failed_loader_is_reported(student: Any) -> None:
    error = LookupError("rum is down")
    assert _reported(student, {"tea": str, "rum": _fails(error), "ale": str}) == (error,)


def a_loader_that_exits_has_failed(student: Any) -> None:
    error = LookupError("rum is down")
    reported = _reported(student, {"rum": _fails(error), "exit": functools.partial(sys.exit, 3), "ale": str})
    assert len(reported) == 2
    assert reported[0] is error
    assert isinstance(reported[1], SystemExit)


def _fails(error: Exception) -> Callable[[], str]:
    def loader() -> str:
        raise error

    return loader


def _reported(student: Any, loaders: dict[str, Callable[[], str]]) -> tuple[BaseException, ...]:
    group = _raised(lambda: student.warm_all(loaders))
    assert isinstance(group, BaseExceptionGroup)
    assert group.message == "warm_all"
    return group.exceptions


def _raised(call: Callable[[], object]) -> BaseException | None:
    try:
        call()
    except (Exception, BaseExceptionGroup) as error:
        return error
    return None


CHECKS = (
    no_loaders_give_an_empty_dictionary,
    threads_are_named_after_their_keys,
    result_raises_what_the_function_raised,
    a_failed_loader_is_reported,
    a_loader_that_exits_has_failed,
)
