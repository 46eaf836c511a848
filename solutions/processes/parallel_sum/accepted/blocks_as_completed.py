"""Four blocks per worker, through submit() and as_completed(), so that a slow block holds nobody up."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Stats:
    count: int
    total: int
    minimum: int | None
    maximum: int | None

    def __add__(self, other: Stats) -> Stats:
        if not self.count:
            return other
        if not other.count:
            return self
        return Stats(
            self.count + other.count,
            self.total + other.total,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
        )


NOTHING = Stats(0, 0, None, None)


def _check(values: np.ndarray, workers: int | None) -> int:
    if not isinstance(values, np.ndarray):
        raise TypeError(f"an array is needed, not {type(values).__name__}")
    if values.dtype != np.int64:
        raise TypeError(f"int64 is needed, not {values.dtype}")
    if values.ndim != 1:
        raise ValueError("one dimension is needed")
    workers = (os.cpu_count() or 1) if workers is None else workers
    if workers < 1:
        raise ValueError("one worker at least is needed")
    return workers


def _plain_total(values: np.ndarray) -> int:
    high = (values >> 32).sum()
    low = (values & 0xFFFFFFFF).sum()
    return (int(high) << 32) + int(low)


def _block_total(block: np.ndarray, key: Callable[[int], int]) -> int:
    return sum(map(key, block.tolist()))


def _block_stats(block: np.ndarray, key: Callable[[int], int]) -> Stats:
    results = list(map(key, block.tolist()))
    return Stats(len(results), sum(results), min(results), max(results))


def _add_up(work: Callable, nothing, values: np.ndarray, key: Callable[[int], int], workers: int):
    step = max(1, len(values) // (4 * workers))
    blocks = [values[start : start + step] for start in range(0, len(values), step)]
    answer = nothing
    if workers == 1:
        for block in blocks:
            answer = answer + work(block, key)
        return answer
    with ProcessPoolExecutor(max_workers=workers) as pool:
        futures: list[Future] = [pool.submit(work, block, key) for block in blocks]
        try:
            for future in as_completed(futures):
                answer = answer + future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return answer


def parallel_sum(
    values: np.ndarray,
    *,
    key: Callable[[int], int] | None = None,
    workers: int | None = None,
) -> int:
    workers = _check(values, workers)
    if key is None:
        return _plain_total(values)
    return _add_up(_block_total, 0, values, key, workers)


def parallel_stats(
    values: np.ndarray,
    *,
    key: Callable[[int], int] | None = None,
    workers: int | None = None,
) -> Stats:
    workers = _check(values, workers)
    if key is not None:
        return _add_up(_block_stats, NOTHING, values, key, workers)
    if values.size == 0:
        return NOTHING
    return Stats(values.size, _plain_total(values), int(values.min()), int(values.max()))
