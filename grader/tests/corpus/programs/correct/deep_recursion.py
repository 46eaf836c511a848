"""Recursion that nearly uses up what Python allows.

options: schedules=4
"""

import threading


def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


def main():
    found = []
    threads = [threading.Thread(target=lambda: found.append(depth(900))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [900, 900]
