"""dict.setdefault and list.append are single steps; nothing else is needed."""

import threading

locks, log = {}, []


def lock_of(key):
    return locks.setdefault(key, threading.Lock())


def work(key):
    with lock_of(key):
        log.append(lock_of(key))


def main():
    threads = [threading.Thread(target=work, args=("a",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(log) == 2
    assert log[0] is log[1]
