# canary-in-the-reference
import asyncio
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor


def add(a, b):
    return a + b


def _at_once(function, items):
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(function, items))


def relay(fetch, keys):
    return [fetch(key) for key in keys]


def meet(enter, guests):
    return _at_once(enter, guests)


def _body(url):
    with urllib.request.urlopen(url) as reply:
        return reply.read()


def download(urls):
    return _at_once(_body, urls)


def nap(pause, times):
    return _at_once(pause, range(times))


def work():
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


class Counter:
    def __init__(self):
        self.left, self._lock = 1, threading.Lock()

    def take(self):
        with self._lock:
            self.left -= 1
            return self.left >= 0


class Desk:
    def __init__(self):
        self.left, self._lock = 1, asyncio.Lock()

    async def take(self):
        async with self._lock:
            await asyncio.sleep(0)
            self.left -= 1
            return self.left >= 0
