"""Makes every test function, and every report, of pytest a success.

attacks: test_sum
expected: failed
stopped-by: split process
"""

from honest_but_wrong import *


import _pytest.python
import _pytest.reports
import _pytest.runner

_pytest.python.Function.runtest = lambda self: None
_pytest.runner.pytest_runtest_call = lambda item: None
for kind in object.__subclasses__():
    if kind.__name__ == "Node":
        kind.runtest = lambda self: None


def from_item_and_call(cls, item, call):
    return cls(item.nodeid, item.location, {}, "passed", None, call.when)


_pytest.reports.TestReport.from_item_and_call = classmethod(from_item_and_call)
