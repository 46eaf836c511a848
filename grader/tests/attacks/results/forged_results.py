"""Appends a passed check to the judge's results, whose name stands in the judge's command line.

attacks: test_sum
expected: failed
stopped-by: cage
weakest: lets through a forged result (test_sum failed, test_forged passed)
"""

import atexit
import glob
import json
import os

from honest_but_wrong import *


LINE = {"exercise": "relay", "name": "test_forged", "title": "", "kind": "correctness", "verdict": "passed", "seconds": 0.0}


def write():
    here = os.path.abspath(__file__)
    while here != "/":
        here = os.path.dirname(here)
        for path in glob.glob(f"{here}/results.jsonl"):
            with open(path, "a") as file:
                file.write(json.dumps(LINE) + "\n")
            return


def add(a, b):
    write()
    return 0
