"""A pipeline in which nothing is shared but queues; each stage hands the end on."""

import queue
import threading

END = object()


def stage(work, source, sink):
    while (item := source.get()) is not END:
        sink.put(work(item))
    sink.put(END)


def main():
    raw, doubled, ready = queue.Queue(1), queue.SimpleQueue(), queue.Queue()
    threads = [
        threading.Thread(target=stage, args=(lambda n: n * 2, raw, doubled)),
        threading.Thread(target=stage, args=(lambda n: n + 1, doubled, ready)),
    ]
    for thread in threads:
        thread.start()
    for n in range(3):
        raw.put(n)
    raw.put(END)
    found = list(iter(ready.get, END))
    for thread in threads:
        thread.join()
    assert found == [1, 3, 5]
