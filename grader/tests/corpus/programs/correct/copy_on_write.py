"""Writers replace an immutable state; readers take whatever is there, without a lock."""

import threading
from types import MappingProxyType


class Prices:
    def __init__(self):
        self._state = MappingProxyType({"net": 100, "tax": 20, "gross": 120})
        self._writing = threading.Lock()

    def raise_net(self, amount):
        with self._writing:
            work = dict(self._state)
            work["net"] += amount
            work["tax"] = work["net"] // 5
            work["gross"] = work["net"] + work["tax"]
            self._state = MappingProxyType(work)

    def snapshot(self):
        return self._state


def main():
    prices, seen = Prices(), []

    def look():
        for _ in range(2):
            seen.append(prices.snapshot())

    threads = [threading.Thread(target=prices.raise_net, args=(5,)) for _ in range(2)]
    threads.append(threading.Thread(target=look))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(p["net"] + p["tax"] == p["gross"] for p in seen)
    assert prices.snapshot()["net"] == 110
