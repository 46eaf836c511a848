"""Looks without the lock, looks again with it, and publishes only what is complete."""

import threading


class Settings:
    _lock = threading.Lock()
    _values = None
    loads = 0

    @classmethod
    def host(cls):
        values = cls._values
        if values is None:
            with cls._lock:
                values = cls._values
                if values is None:
                    values = {}
                    values["host"] = "localhost"
                    cls.loads += 1
                    cls._values = values
        return values["host"]


def main():
    threads = [threading.Thread(target=Settings.host) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Settings.loads == 1
