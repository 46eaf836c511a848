"""Totals of large arrays of amounts, on all cores where that pays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


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
    """Return the exact total of `values`, or of `key(value)` for every value.

    `values` is a one-dimensional int64 array or memmap, and stays as it is.
    `key` is an importable function; it runs in `workers` processes (default: all cores).
    Without a key, and with one worker, no process is started.

    Raises TypeError if `values` is not an int64 array, ValueError if it is not
    one-dimensional or `workers` is less than 1, and whatever `key` raises.
    A worker that dies raises an exception within 5 seconds.
    """
    # TODO: total the array; with a key, let every worker total one slice.
    raise NotImplementedError


def parallel_stats(
    values: np.ndarray,
    *,
    key: Callable[[int], int] | None = None,
    workers: int | None = None,
) -> Stats:
    """Return count, total, minimum and maximum of `values`, or of `key(value)` for every value.

    The contract of `parallel_sum` holds here too: `key` is called once per value.
    """
    # TODO: the same cut into slices; every worker returns the Stats of its slice.
    raise NotImplementedError
