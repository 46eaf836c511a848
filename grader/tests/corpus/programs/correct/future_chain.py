"""Each step of a chain is submitted by the callback of the one before; the last one fulfils a promise."""

from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait


def chain(pool, value, *steps):
    promise = Future()

    def go_on(done, rest):
        if done.exception() is not None:
            promise.set_exception(done.exception())
        elif rest:
            pool.submit(rest[0], done.result()).add_done_callback(lambda f: go_on(f, rest[1:]))
        else:
            promise.set_result(done.result())

    pool.submit(steps[0], value).add_done_callback(lambda f: go_on(f, steps[1:]))
    return promise


def main():
    with ThreadPoolExecutor(2) as pool:
        good = chain(pool, 1, lambda n: n + 1, lambda n: n * 10)
        bad = chain(pool, 1, lambda n: n // 0, lambda n: n * 10)
        assert wait([good, bad], timeout=60).not_done == set()
        assert good.result() == 20
        assert isinstance(bad.exception(), ZeroDivisionError)
        assert sorted(f.result() for f in as_completed([pool.submit(pow, n, 2) for n in range(3)])) == [0, 1, 4]
        assert list(pool.map(abs, [-1, -2])) == [1, 2]
