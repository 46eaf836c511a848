"""Two workers in lock step; the barrier's action swaps the buffers once for both."""

import threading


class Model:
    def __init__(self, cells):
        self.old, self.new = list(cells), list(cells)
        self.barrier = threading.Barrier(len(cells), action=self.swap)

    def swap(self):
        self.old, self.new = self.new, self.old

    def work(self, place):
        for _ in range(2):
            self.new[place] = self.old[place] + self.old[1 - place]
            self.barrier.wait()


def main():
    model = Model([1, 2])
    threads = [threading.Thread(target=model.work, args=(place,)) for place in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert model.old == [6, 6]
