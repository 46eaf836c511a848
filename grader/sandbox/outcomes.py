"""How a submission can end other than by an answer.

SubmissionError
├── SubmissionRaised    its code raised
├── SubmissionHung      no answer within the check's deadline
│   └── ImportHung      not even its import ended
├── SubmissionCrashed   its process died
├── LimitReached        it used too much of something and was ended
└── ProtocolBroken      it sent what is no answer
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from grader.sandbox.wire import Raised


class SubmissionError(Exception):
    pass


@dataclass
class SubmissionRaised(SubmissionError):
    call: str
    raised: Raised


@dataclass
class SubmissionHung(SubmissionError):
    call: str
    seconds: float
    stacks: dict[str, Any] = field(default_factory=dict)


@dataclass
class ImportHung(SubmissionHung):
    """`tried`: False in checks that were not begun because those before them had waited in vain."""

    tried: bool = True


@dataclass
class SubmissionCrashed(SubmissionError):
    call: str
    code: int | None
    output: str


@dataclass
class LimitReached(SubmissionError):
    call: str
    happened: str
    idea: str


@dataclass
class ProtocolBroken(SubmissionError):
    call: str
    reason: str
