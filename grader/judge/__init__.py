"""What check files import: the decorators, the expectations, and the types of the fixtures."""

from grader.judge.expectations import CheckFailed, Inconclusive, expect, records
from grader.judge.exploring import Explore
from grader.judge.fixtures import Rendezvous, Rendezvouses
from grader.judge.marks import kind, scenario
from grader.judge.speedup import Speedup
from grader.judge.submission import Call, Leaks, Submission
from grader.sandbox.wire import Raised, Record
from grader.services.mirror import Gate, Mirror, Seen

__all__ = [
    "Call", "CheckFailed", "Explore", "Gate", "Inconclusive", "Leaks", "Mirror", "Raised", "Record", "Rendezvous", "Rendezvouses",
    "Seen", "Speedup", "Submission", "expect", "kind", "records", "scenario",
]  # fmt: skip
