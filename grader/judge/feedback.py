"""From an exception of a check to a verdict with words: what happened, the evidence, the idea."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any

from grader.errors import GraderError
from grader.judge import trace
from grader.judge.expectations import CheckFailed, Inconclusive, NotStarted, shown
from grader.judge.exploring import Replayed, ScheduleFailed
from grader.sandbox import diagnosis, limits
from grader.sandbox.outcomes import (
    ImportHung,
    LimitReached,
    ProtocolBroken,
    SubmissionCrashed,
    SubmissionHung,
    SubmissionRaised,
)
from grader.sandbox.wire import Raised
from grader.verdict import Verdict


@dataclass(frozen=True)
class Judged:
    verdict: Verdict
    message: str = ""
    advice: str = ""
    file: str | None = None
    line: int | None = None
    evidence: dict[str, Any] | None = None


def judge(error: BaseException) -> Judged:
    """The verdict for what a check raised. Whatever is not known here is the grader's own fault."""
    if isinstance(error, CheckFailed):
        return Judged(Verdict.FAILED, error.message, error.idea, evidence=error.evidence)
    if isinstance(error, Inconclusive):
        return Judged(Verdict.INCONCLUSIVE, str(error), "This costs no points.")
    if isinstance(error, NotStarted):
        return Judged(Verdict.NOT_STARTED, "Still the stub.", "Start with the README.")
    if isinstance(error, SubmissionRaised):
        return _raised(error.call, error.raised)
    if isinstance(error, SubmissionHung):
        return _hung(error)
    if isinstance(error, SubmissionCrashed):
        return _crashed(error)
    if isinstance(error, ScheduleFailed):
        return _schedule(error)
    if isinstance(error, Replayed):
        return _replayed(error.played)
    if isinstance(error, LimitReached):
        return Judged(Verdict.CRASHED, f"{error.call}: {error.happened}", error.idea)
    if isinstance(error, ProtocolBroken):
        return Judged(
            Verdict.FAILED,
            f"{error.call} did not give a usable answer: {error.reason}.",
            "Return plain Python values, as the contract in the README says.",
        )
    what = str(error) if isinstance(error, GraderError) else f"The check itself broke: {type(error).__name__}: {error}"
    return Judged(
        Verdict.ERROR,
        f"{what}{trace.place_in_checks(error)}"[:500],
        "This is the grader's fault, not yours; it costs no points. Please report it with this line.",
    )


def _raised(call: str, raised: Raised) -> Judged:
    frame = raised.frames[-1] if raised.frames else None
    if raised.frames and raised.frames[0].function not in ("", "<module>"):
        call = raised.frames[0].function  # the student's own function says more than the check's scenario
    place = f" at {frame.file}:{frame.line}" if frame else ""
    evidence = {
        "type": "exception",
        "exception": raised.type,
        "frames": [{"file": f.file, "line": f.line, "function": f.function, "source": f.source} for f in raised.frames],
    }
    file, line = (frame.file, frame.line) if frame else (None, None)
    if raised.type == "NotImplementedError":
        return Judged(Verdict.NOT_STARTED, f"{call} is still the stub.", "Start with the README.", file, line, evidence)
    text = f": {raised.message.strip()}" if raised.message.strip() else ""
    source = f"\n    {frame.source.strip()}" if frame and frame.source.strip() else ""
    happened = f"{call} raised {raised.type}{text}{place}{source}"
    return Judged(Verdict.FAILED, happened, _idea(raised), file, line, evidence)


def _idea(raised: Raised) -> str:
    if limit := limits.idea(raised.type, raised.message):
        return limit
    if "SyntaxError" in raised.mro:
        return "Python cannot read the file; look at that line and the one before it."
    if "ImportError" in raised.mro:
        return "Check the name; if it is a package, install the project's requirements again."
    if raised.type == "SystemExit":
        return "Code that others call returns or raises an error; it never ends the whole program."
    if raised.type == "TypeError" and "argument" in raised.message and not raised.frames:
        return "The signature differs from the one in the README; compare names, order and defaults."
    if "pickle" in raised.message.lower():
        return "A worker process gets the function's name, not its code: it must be importable from the module's top level."
    return "Which input leads there? The contract in the README says what must happen then."


THREAD_IDEAS = {
    "deadlock": "Who would have to act so that the first wait ends, and what does that one wait for?",
    "livelock": "What would have to change so that this loop ends, and does anybody still change it?",
    "exception": "Another thread came in between two of these lines. What did it change?",
    "leak": "Whoever takes something gives it back, also when an error comes: `with` and `finally`.",
    "outside_control": "The checks control threads, locks, queues and time; keep real input and output out of this code.",
}
TASK_IDEAS = {
    **THREAD_IDEAS,
    "exception": "At each `await` other tasks run. What may have changed when this one goes on?",
    "leak": "Every task has an owner who waits for it, however things end: a TaskGroup does, and gather in a `finally`.",
    "NeverAwaited": "Calling an `async def` only makes a coroutine. It runs when it is awaited, or made a task.",
    "BlockingCall": "One thread runs all tasks; whoever blocks it stops them all. What has an `await`, or belongs in a thread?",
}
FOREIGN = (
    "It came out of a function that your code was given, and ended only the thread that called it. Who catches it there, "
    "and how does anybody learn of it?"
)
UNTIMELY = (
    "No bad moment is needed for this: it happens when the threads run one after the other. Which input leads there?"
)

AT_IMPORT = (
    "The checks import your file, so all that stands outside of functions runs then. Only definitions belong there; "
    'what you try out belongs under `if __name__ == "__main__":`.'
)


def _schedule_idea(error: ScheduleFailed, kind: str) -> str:
    ideas = TASK_IDEAS if error.tasks else THREAD_IDEAS
    if kind not in ideas:
        kind = "exception"  # a race that an assertion of the scenario saw
    if error.failure.get("foreign") is True:
        return FOREIGN
    if kind == "exception" and not error.timely:
        return UNTIMELY
    return ideas.get(str(error.failure.get("type")), ideas[kind])


def _replayed(played: dict[str, Any]) -> Judged:
    failure = played.get("failure")
    ending = f"The scenario returned {shown(played.get('value'))}."
    if isinstance(failure, dict):
        ending = f"{failure.get('kind')}: {failure.get('message')}"[:1000]
    return Judged(Verdict.PASSED, evidence={"type": "replay", "steps": trace.steps_of(played), "ending": ending})


def _schedule(error: ScheduleFailed) -> Judged:
    failure = error.failure
    kind = str(failure.get("kind"))
    steps = trace.steps_of(failure)
    message = str(failure.get("message", ""))[:1000]
    place = failure.get("place")
    file, line = (
        (str(place[0])[:200], trace.number_of(place[1]))
        if isinstance(place, list) and len(place) == 2
        else (None, None)
    )
    if failure.get("type") == "NotImplementedError":
        return Judged(Verdict.NOT_STARTED, "Still the stub.", "Start with the README.", file, line)
    where = f" at {file}:{line}" if file else ""
    # A deadlock's message says who holds what and waits where; what led there is left to the replay.
    shown = trace.lines(steps, trace.ROOM if error.timely else 2) if kind != "deadlock" else []
    note = str(failure.get("note", ""))[:300] if error.timely else ""
    happened = "\n".join([f"{message}{where}", *filter(None, [note]), *shown])
    waits = failure.get("waits")
    cycle = trace.waits_of(waits) if kind == "deadlock" else []
    evidence = {"type": "deadlock" if cycle else "schedule", "token": error.token, "steps": steps}
    if cycle:
        evidence["cycle"] = cycle
        file, line = str(cycle[0]["file"]), cycle[0]["line"]
    verdict = Verdict.HUNG if kind in ("deadlock", "livelock") else Verdict.FAILED
    return Judged(verdict, happened, _schedule_idea(error, kind), file, line, evidence)


def _hung(error: SubmissionHung) -> Judged:
    stacks = error.stacks
    lines = diagnosis.describe(stacks)
    children = stacks.get("alive", [])
    if children and not stacks.get("children"):
        lines.append(f"still alive: {', '.join(children[:3])}")
    frame = next((t["frames"][-1] for t in stacks.get("threads", []) if t.get("frames")), None)
    happened = f"{error.call} did not end within {error.seconds:g} s."
    if isinstance(error, ImportHung) and not error.tried:
        happened = f"{error.call} did not end in the checks before this one; it was not tried again."
    if isinstance(error, ImportHung):
        idea = AT_IMPORT
    elif lines:
        idea = "Who would have to act so that this wait ends, and is that one still able to?"
    else:
        idea = "Is there a loop without end?"
    return Judged(
        Verdict.HUNG,
        "\n".join([happened, *lines]),
        idea,
        frame[0] if frame else None,
        frame[1] if frame else None,
        {"type": "stacks", **stacks},
    )


def _crashed(error: SubmissionCrashed) -> Judged:
    how = f"its process ended with exit code {error.code}"
    idea = (
        "Was it os._exit, or an exit from inside a library? A function returns or raises, it does not end the program."
    )
    if error.code is None:
        how = "it closed its connection to the judge, or ended the process that started it"
        idea = "Leave descriptors that you did not open and processes that you did not start alone."
    elif error.code < 0:
        name = signal.Signals(-error.code).name if -error.code in set(signal.Signals) else str(-error.code)
        how = f"its process was killed by {name}"
        idea = {
            "SIGXCPU": "It used up its CPU time: is there a loop without end?",
            "SIGKILL": "It was killed, most likely for its memory: does it hold more than it needs?",
            "SIGBUS": f"/dev/shm was full: shared memory may have {limits.SHARED_MEMORY // limits.MB} MB altogether.",
            "SIGSEGV": "The interpreter crashed: endless recursion in C code, or a broken extension?",
        }.get(name, "Which call sends or causes that signal?")
    tail = error.output.strip().splitlines()[-1:] if error.output.strip() else []
    happened = "\n".join([f"{error.call}: {how} before it answered.", *(f"last output: {line[:200]}" for line in tail)])
    return Judged(Verdict.CRASHED, happened, idea)
