"""One copy of the amounts in shared memory; a task is a name and two offsets."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
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
    return _run(values, key, workers, _total).total


def parallel_stats(
    values: np.ndarray,
    *,
    key: Callable[[int], int] | None = None,
    workers: int | None = None,
) -> Stats:
    return _run(values, key, workers, _stats)


def _run(values, key, workers, work) -> Stats:
    if not isinstance(values, np.ndarray) or values.dtype != np.int64:
        raise TypeError("values must be an int64 array")
    if values.ndim != 1:
        raise ValueError("values must have one dimension")
    if workers is None:
        workers = os.cpu_count() or 1
    if workers < 1:
        raise ValueError("workers must be at least 1")
    if len(values) == 0:
        return Stats(0, 0, None, None)
    if key is None:
        return _plain(values)
    if workers == 1:
        return work(key, values)

    shared = SharedMemory(create=True, size=values.nbytes)
    try:
        copy = np.ndarray(values.shape, np.int64, shared.buf)
        copy[:] = values
        del copy  # an array that still looks into the memory would keep it from being closed
        step = -(-len(values) // workers)
        with ProcessPoolExecutor(workers) as pool:
            futures = [
                pool.submit(_part, work, key, shared.name, start, min(start + step, len(values)))
                for start in range(0, len(values), step)
            ]
            parts = [future.result() for future in futures]
    finally:
        shared.close()
        shared.unlink()
    return Stats(
        sum(part.count for part in parts),
        sum(part.total for part in parts),
        min(part.minimum for part in parts),
        max(part.maximum for part in parts),
    )


def _part(work, key, name: str, start: int, stop: int) -> Stats:
    shared = SharedMemory(name)
    try:
        view = np.ndarray(stop - start, np.int64, shared.buf, offset=start * 8)
        amounts = view.copy()
        del view
    finally:
        shared.close()
    return work(key, amounts)


def _total(key, amounts: np.ndarray) -> Stats:
    return Stats(len(amounts), sum(map(key, amounts.tolist())), 0, 0)


def _stats(key, amounts: np.ndarray) -> Stats:
    results = [key(amount) for amount in amounts.tolist()]
    return Stats(len(results), sum(results), min(results), max(results))


def _plain(values: np.ndarray) -> Stats:
    least, most = int(values.min()), int(values.max())
    if max(abs(least), abs(most)) * len(values) < 2**63:
        total = int(values.sum())  # no partial sum can wrap
    else:
        total = (int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum())
    return Stats(len(values), total, least, most)
