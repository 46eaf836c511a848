"""Every worker has an inbox; the caller sends each its band, waits for all answers, and then knows that nobody computes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence

Row = list[float]
Answer = tuple[int, list[Row], BaseException | None]


def simulate(
    grid: Sequence[Sequence[float]],
    steps: int,
    *,
    workers: int,
    kernel: Callable[[Row, Row, Row], Row],
    on_step: Callable[[int, float], bool | None] | None = None,
) -> list[list[float]]:
    if workers <= 0:
        raise ValueError("no workers")
    if steps < 0:
        raise ValueError("negative steps")
    state = [[*row] for row in grid]
    size = -(-len(state) // workers)  # rounded up, so that the last bands may be empty
    bands = [(start, min(start + size, len(state))) for start in range(0, len(state), size)]
    outbox: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    inboxes: list[queue.SimpleQueue[list[Row] | None]] = [queue.SimpleQueue() for _ in bands]

    def work(number: int) -> None:
        start, stop = bands[number]
        while (old := inboxes[number].get()) is not None:
            padded = [old[0], *old, old[-1]]
            try:
                outbox.put((number, [kernel(*padded[n : n + 3]) for n in range(start, stop)], None))
            except BaseException as error:
                outbox.put((number, [], error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(bands))]
    for thread in threads:
        thread.start()
    try:
        for step in range(steps):
            for inbox in inboxes:
                inbox.put(state)
            answers = sorted((outbox.get() for _ in bands), key=lambda answer: answer[0])
            for _, _, error in answers:
                if error:
                    raise error
            new = [row for _, rows, _ in answers for row in rows]
            change = max(abs(b - a) for x, y in zip(state, new) for a, b in zip(x, y))
            state = new
            if on_step and on_step(step, change):
                break
    finally:
        for inbox in inboxes:
            inbox.put(None)
        for thread in threads:
            thread.join()
    return state
