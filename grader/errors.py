"""Exceptions that a person may see, each with the exit code it ends a command with.

GraderError
├── UsageError     exit 2: the command's words are off
└── GraderFault    exit 3: the grader's own fault, never a zero for the student
"""

from __future__ import annotations


class GraderError(Exception):
    """Its text says what happened, where, and what to do next."""

    exit_code = 3


class UsageError(GraderError):
    exit_code = 2


class GraderFault(GraderError):
    exit_code = 3
