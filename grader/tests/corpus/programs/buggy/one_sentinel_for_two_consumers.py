"""Two consumers, but only one word that there is nothing more.

ends: deadlock
says: "for an item in a queue", "nobody is left who puts one"
"""

import queue
import threading


def consume(jobs, done):
    while (job := jobs.get()) is not None:
        done.append(job)


def main():
    jobs, done = queue.Queue(), []
    consumers = [threading.Thread(target=consume, args=(jobs, done)) for _ in range(2)]
    for consumer in consumers:
        consumer.start()
    for job in range(2):
        jobs.put(job)
    jobs.put(None)
    for consumer in consumers:
        consumer.join()
    assert sorted(done) == [0, 1]
