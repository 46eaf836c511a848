"""One process and one pipe per worker; a worker that dies is seen at its sentinel."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Stats:
    count: int
    total: int
    minimum: int | None
    maximum: int | None


class WorkerDied(RuntimeError):
    pass


def parallel_sum(
    values: np.ndarray,
    *,
    key: Callable[[int], int] | None = None,
    workers: int | None = None,
) -> int:
    return parallel_stats(values, key=key, workers=workers).total


def parallel_stats(
    values: np.ndarray,
    *,
    key: Callable[[int], int] | None = None,
    workers: int | None = None,
) -> Stats:
    if not isinstance(values, np.ndarray) or values.dtype != np.int64:
        raise TypeError("values must be an int64 array")
    if values.ndim != 1:
        raise ValueError("values must have one dimension")
    if workers is not None and workers < 1:
        raise ValueError("workers must be at least 1")
    workers = min(workers or os.cpu_count() or 1, max(1, len(values)))
    if key is None:
        return plain(values)
    if workers == 1:
        return of_part(key, values)
    cuts = [len(values) * i // workers for i in range(workers + 1)]
    answers = [answer for answer in in_processes(key, values, cuts) if answer.count]
    return Stats(
        sum(answer.count for answer in answers),
        sum(answer.total for answer in answers),
        min((answer.minimum for answer in answers), default=None),
        max((answer.maximum for answer in answers), default=None),
    )


def in_processes(key: Callable[[int], int], values: np.ndarray, cuts: list[int]) -> list[Stats]:
    running: dict[int, tuple[multiprocessing.Process, multiprocessing.connection.Connection]] = {}
    answers = []
    try:
        for start, stop in zip(cuts, cuts[1:]):
            mine, theirs = multiprocessing.Pipe()
            process = multiprocessing.Process(target=serve, args=(theirs, key, values[start:stop]))
            process.start()
            theirs.close()
            running[process.sentinel] = (process, mine)
        while running:
            pipes = {mine: sentinel for sentinel, (_, mine) in running.items()}
            for ready in multiprocessing.connection.wait([*pipes, *running]):
                sentinel = pipes.get(ready, ready)
                if sentinel not in running:
                    continue
                process, mine = running[sentinel]
                # An ended worker may have answered before it ended: look into the pipe first.
                if not mine.poll():
                    process.join()
                    raise WorkerDied(f"a worker ended with exit code {process.exitcode}")
                try:
                    worked, answer = mine.recv()
                except EOFError:
                    process.join()
                    raise WorkerDied(f"a worker ended with exit code {process.exitcode}") from None
                if not worked:
                    raise answer
                answers.append(answer)
                process.join()
                mine.close()
                process.close()
                del running[sentinel]
    finally:
        for process, mine in running.values():
            process.kill()
            process.join()
            mine.close()
            process.close()
    return answers


def serve(pipe: multiprocessing.connection.Connection, key: Callable[[int], int], part: np.ndarray) -> None:
    try:
        answer = (True, of_part(key, part))
    except Exception as error:
        answer = (False, error)
    pipe.send(answer)
    pipe.close()


def of_part(key: Callable[[int], int], part: np.ndarray) -> Stats:
    count = total = 0
    minimum = maximum = None
    for result in map(key, part.tolist()):
        count += 1
        total += result
        if minimum is None or result < minimum:
            minimum = result
        if maximum is None or result > maximum:
            maximum = result
    return Stats(count, total, minimum, maximum)


def plain(values: np.ndarray) -> Stats:
    if not len(values):
        return Stats(0, 0, None, None)
    total = 0
    for block in np.array_split(values, len(values) // 100_000 + 1):
        total += (int((block >> 31).sum()) << 31) + int((block & 0x7FFFFFFF).sum())
    return Stats(len(values), total, int(values.min()), int(values.max()))
