"""Two threads compute for long, each with variables of its own.

options: schedules=4
"""

import threading


def collatz(limit):
    longest = 0
    for start in range(1, limit):
        n, steps = start, 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        if steps > longest:
            longest = steps
    return longest


def add_up(n):
    total = 0
    for i in range(n):
        total += i
    return total


def main():
    found = {}

    def work(name, job, size):
        found[name] = job(size)

    threads = [
        threading.Thread(target=work, args=("steps", collatz, 60)),
        threading.Thread(target=work, args=("sum", add_up, 21_000)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"steps": 112, "sum": 220489500}
