"""Writes the files that classrooms read, now and when its process ends.

attacks: test_sum
expected: failed
stopped-by: split process
"""

import atexit
import json
import os

from honest_but_wrong import *


def write():
    places = ["results.json", "results.jsonl", "report.json", "../results.jsonl", "/autograder/results/results.json"]
    places += [os.environ[name] for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY") if name in os.environ]
    for place in places:
        try:
            with open(place, "w") as file:
                json.dump({"score": 100, "tests": [{"name": "test_sum", "status": "passed", "score": 100}]}, file)
        except OSError:
            pass


atexit.register(write)


def add(a, b):
    write()
    return 0
