"""Waits in multiprocessing.Pool, which replaces a dead worker and forgets its task.

caught-by: test_a_killed_worker_raises (hung)
says: "did not end within 10 s"
misconception: M14 errors in the background will be seen
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np


@dataclass(frozen=True)
class Stats:
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
    workers = checked(values, workers)
    if key is None:
        return plain_total(values)
    return sum(in_slices(total_of, values, key, workers))


def parallel_stats(
    values: np.ndarray,
    *,
    key: Callable[[int], int] | None = None,
    workers: int | None = None,
) -> Stats:
    workers = checked(values, workers)
    if key is None:
        return plain_stats(values)
    return merged(in_slices(stats_of, values, key, workers))


def checked(values: np.ndarray, workers: int | None) -> int:
    if not isinstance(values, np.ndarray) or values.dtype != np.int64:
        raise TypeError("values must be an int64 array")
    if values.ndim != 1:
        raise ValueError("values must be one-dimensional")
    if workers is None:
        return os.cpu_count() or 1
    if workers < 1:
        raise ValueError("workers must be at least 1")
    return workers


def plain_total(values: np.ndarray) -> int:
    return (int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum())


def plain_stats(values: np.ndarray) -> Stats:
    if len(values) == 0:
        return Stats(0, 0, None, None)
    return Stats(len(values), plain_total(values), int(values.min()), int(values.max()))


def in_slices(work: Callable, values: np.ndarray, key: Callable[[int], int], workers: int) -> list:
    if workers == 1:
        return [work(key, values)]
    cuts = [len(values) * i // workers for i in range(workers + 1)]
    parts = [values[start:stop] for start, stop in zip(cuts, cuts[1:])]
    pool = multiprocessing.Pool(workers)
    try:
        return pool.map(partial(work, key), parts)
    finally:
        pool.terminate()
        pool.join()


def total_of(key: Callable[[int], int], part: np.ndarray) -> int:
    return sum(map(key, part.tolist()))


def stats_of(key: Callable[[int], int], part: np.ndarray) -> Stats:
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
