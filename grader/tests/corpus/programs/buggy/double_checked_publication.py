"""Publishes the settings before they are complete; readers look without the lock.

ends: exception
says: "KeyError: 'host'", "held no lock"
"""

import threading


class Settings:
    def __init__(self):
        self._lock = threading.Lock()
        self._values = None

    def host(self):
        if self._values is None:
            with self._lock:
                if self._values is None:
                    self._values = {}
                    self._values["host"] = "localhost"
        return self._values["host"]


def main():
    settings = Settings()
    threads = [threading.Thread(target=settings.host, name=name) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
