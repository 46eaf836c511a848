"""Closes its shared memory and never unlinks it.

caught-by: test_nothing_is_left_behind (failed)
says: "Left behind"
misconception: M17 the process will clean up after me
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.shared_memory import SharedMemory

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
    shared = SharedMemory(create=True, size=max(1, values.nbytes))
    try:
        copy = np.ndarray(values.shape, np.int64, shared.buf)
        copy[:] = values
        del copy
        with ProcessPoolExecutor(workers) as pool:
            return list(pool.map(partial(of_range, work, key, shared.name), cuts, cuts[1:]))
    finally:
        shared.close()


def of_range(work: Callable, key: Callable[[int], int], name: str, start: int, stop: int) -> object:
    shared = SharedMemory(name)
    view = np.ndarray(stop - start, np.int64, shared.buf, offset=start * 8)
    part = view.copy()
    del view
    shared.close()
    return work(key, part)


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
