"""No check of the target passes with this; every attack starts from here and tries to change that."""

import asyncio
import threading
import time


def add(a, b):
    return 0


def relay(fetch, keys):
    return list(keys)


def meet(enter, guests):
    return [enter(guest) for guest in guests]


def download(urls):
    import urllib.request

    return [urllib.request.urlopen(url).read() for url in urls]


def nap(pause, times):
    return [pause(i) for i in range(times)]


def work():
    threading.Thread(target=time.sleep, args=(600,), name="forgotten", daemon=True).start()


class Counter:
    def __init__(self):
        self.left = 1

    def take(self):
        if self.left > 0:
            left = self.left
            self.left = left - 1
            return True
        return False


class Desk:
    def __init__(self):
        self.left = 1

    async def take(self):
        if self.left > 0:
            await asyncio.sleep(0)
            self.left -= 1
            return True
        return False
