"""Totals of large arrays of amounts: numpy for the plain total, a process pool where a rule is applied."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

BLOCK = 1 << 16  # amounts; small enough that the temporaries of plain_total stay in the cache


@dataclass(frozen=True)
class Stats:
    """What an array of amounts adds up to; `minimum` and `maximum` are None when there are none."""

    count: int
    total: int
    minimum: int | None
    maximum: int | None


def parallel_sum(
    values: np.ndarray,
    *,
    key: Callable[[int], int] | None = None,
    workers: int | None = None,
) -> int:
    """Return the exact total of `values`, or of `key(value)` for every value."""
    workers = checked(values, workers)
    if key is None:
        # A process takes longer to start than this takes in all.
        return plain_total(values)
    return sum(in_slices(total_of, values, key, workers))


def parallel_stats(
    values: np.ndarray,
    *,
    key: Callable[[int], int] | None = None,
    workers: int | None = None,
) -> Stats:
    """Return count, total, minimum and maximum of `values`, or of `key(value)` for every value."""
    workers = checked(values, workers)
    if key is None:
        return plain_stats(values)
    return merged(in_slices(stats_of, values, key, workers))


def checked(values: object, workers: int | None) -> int:
    """Return the number of workers, or raise what the contract names."""
    if not isinstance(values, np.ndarray) or values.dtype != np.int64:
        raise TypeError("values must be an int64 array")
    if values.ndim != 1:
        raise ValueError(f"values must be one-dimensional, not {values.ndim}-dimensional")
    if workers is None:
        return os.cpu_count() or 1
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    return workers


def plain_total(values: np.ndarray) -> int:
    """Add up without wrapping: the upper and the lower halves separately, put together as Python ints.

    A half is below 2**32, so 64 bits hold the sum of 2**31 of them.
    """
    total = 0
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        total += (int((block >> 32).sum()) << 32) + int((block & 0xFFFFFFFF).sum())
    return total


def plain_stats(values: np.ndarray) -> Stats:
    if len(values) == 0:
        return Stats(0, 0, None, None)
    return Stats(len(values), plain_total(values), int(values.min()), int(values.max()))


def in_slices(work: Callable, values: np.ndarray, key: Callable[[int], int], workers: int) -> list:
    """Return `work(key, part)` for one part per worker, in order."""
    if workers == 1:
        return [work(key, values)]
    count = len(values)
    # `count * i // workers` spreads the remainder; `count // workers` would lose it.
    parts = [values[count * i // workers : count * (i + 1) // workers] for i in range(workers)]
    # A slice is pickled as one block of bytes, a function as its name. A worker that dies
    # breaks the pool, and the pool raises. Leaving the block ends the processes, also after an error.
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(functools.partial(work, key), parts))


def total_of(key: Callable[[int], int], part: np.ndarray) -> int:
    # tolist() gives Python ints; it runs here, so that no list of ints crosses the process boundary.
    return sum(map(key, part.tolist()))


def stats_of(key: Callable[[int], int], part: np.ndarray) -> Stats:
    # A list, because the key may be called only once and there are three questions to ask.
    results = list(map(key, part.tolist()))
    if not results:
        return Stats(0, 0, None, None)
    return Stats(len(results), sum(results), min(results), max(results))


def merged(parts: list[Stats]) -> Stats:
    filled = [part for part in parts if part.count]
    return Stats(
        sum(part.count for part in filled),
        sum(part.total for part in filled),
        min((part.minimum for part in filled), default=None),
        max((part.maximum for part in filled), default=None),
    )
