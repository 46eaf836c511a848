"""Jobs of a pool wait for jobs of the same pool.

ends: deadlock
says: "no worker is left to run it"
"""

from concurrent.futures import ThreadPoolExecutor


def total(pool, numbers):
    if len(numbers) == 1:
        return numbers[0]
    middle = len(numbers) // 2
    left = pool.submit(total, pool, numbers[:middle])
    right = pool.submit(total, pool, numbers[middle:])
    return left.result() + right.result()


def main():
    with ThreadPoolExecutor(2) as pool:
        assert pool.submit(total, pool, [1, 2, 3, 4]).result() == 10
