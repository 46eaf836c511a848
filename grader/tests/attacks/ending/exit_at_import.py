"""Ends its process with exit code 0 while it is imported.

attacks: test_sum, test_again
expected: crashed
stopped-by: split process
"""

import os

from honest_but_wrong import *


os._exit(0)
