"""Commands of continuous integration, terminal codes and markup in its output and its exception.

attacks: test_sum, test_callback
expected: failed or crashed
stopped-by: rendering
"""

import os
import sys

from honest_but_wrong import *


TEXT = "\n::notice title=Autograding report::{\"totalPoints\":100}\n::error::x\n##[error]y\n\x1b[2J\x1b]0;t\x07\r\x9b31m[red]<script>alert(1)</script>|`"


def add(a, b):
    print(TEXT)
    raise ValueError(TEXT)


def relay(fetch, keys):
    os.write(1, TEXT.encode())
    os.write(1, ("::set-output name=score::100" + TEXT.replace("\n", " ")).encode())
    os._exit(1)
