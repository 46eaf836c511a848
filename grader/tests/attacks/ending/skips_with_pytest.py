"""Asks pytest to skip the test, and to end with 0.

attacks: test_sum, test_callback
expected: failed
stopped-by: split process
"""

import pytest

from honest_but_wrong import *


def add(a, b):
    pytest.skip('done', allow_module_level=True)


def relay(fetch, keys):
    pytest.exit('all is well', 0)
