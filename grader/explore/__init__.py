"""Find races and deadlocks by exploring schedules; usable without the rest of the grader.

>>> program = Program([Path("bank.py")])
>>> def scenario(bank):
...     account = bank.Account(100)
...     together(lambda: account.withdraw(100), lambda: account.withdraw(100))
...     assert account.balance >= 0
>>> exploration = Exploration(scenario, program)
>>> for outcome in exploration: ...
>>> print(exploration.failure or exploration.summary)
"""

from grader.explore.helpers import Alone, alone, overlapped, pause, points_passed, quiet, together, waited
from grader.explore.lockset import Access, Guards, watch
from grader.explore.program import Program
from grader.explore.results import Failure, Kind, Outcome, Step, Summary, Wait
from grader.explore.search import Exploration, Options

__all__ = [
    "Access",
    "Alone",
    "Exploration",
    "Failure",
    "Guards",
    "Kind",
    "Options",
    "Outcome",
    "Program",
    "Step",
    "Summary",
    "Wait",
    "alone",
    "overlapped",
    "pause",
    "points_passed",
    "quiet",
    "together",
    "waited",
    "watch",
]
