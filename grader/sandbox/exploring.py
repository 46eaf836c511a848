"""Inside the submission's process: explorations, a step at a time, for the judge. Its answers are data, never a verdict."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from grader.explore import Exploration, Options, Outcome, Program, together
from grader.explore.tasks import TaskExploration, explore_tasks
from grader.sandbox import wire

Answer = dict[str, Any]


class Explorations:
    """One exploration at a time of the modules in the folder `stage`, the first of which is `slug`."""

    def __init__(self, stage: Path, slug: str) -> None:
        self._stage, self._slug = stage, slug
        self._exploration: Exploration | TaskExploration | None = None
        self._outcomes: Iterator[Outcome] = iter(())
        self._last: Outcome | None = None

    def function(self, message: dict[str, Any]) -> Callable[..., Answer]:
        """What answers this message, to be called with the scenario's arguments."""
        match message["do"]:
            case "explore":
                return lambda *args, **kwargs: self._begin(message["name"], message["options"], args, kwargs)
            case "explore-control":
                return lambda: self._control(message["source"], message["call"], message["tasks"], message["bound"])
            case "explore-next":
                return lambda: self._next()
            case "explore-evidence":
                return lambda: self._evidence()
            case "explore-replay":
                return lambda: self._replay(message["schedule"])
        raise wire.WireError(f"no such request: {message['do']}")

    def _begin(self, name: str, options: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Answer:
        given = sorted(p for p in self._stage.glob("*.py") if p.stem not in (self._slug, "scenarios"))
        program = Program([self._stage / f"{self._slug}.py", *given])
        scenario = getattr(importlib.import_module("scenarios"), name)
        if inspect.iscoroutinefunction(scenario):

            async def play(module: Any) -> Any:
                return await scenario(module, *args, **kwargs)

            self._exploration = explore_tasks(play, program, key=_key, **options)
        else:

            def act(module: Any) -> Any:
                return scenario(module, *args, **kwargs)

            self._exploration = Exploration(act, program, options=Options(**options), key=_key)
        self._outcomes = iter(self._exploration)
        return {}

    def _control(self, source: str, call: str, tasks: bool, bound: int | None) -> Answer:
        """A broken object of the judge: two threads or tasks make the same call on it; the same kind of search."""
        program = Program([], {"control": source})
        if tasks:

            async def play(module: Any) -> Any:
                return await asyncio.gather(getattr(module.control, call)(), getattr(module.control, call)())

            self._exploration = explore_tasks(play, program, schedules=20, key=_key)
        else:

            def act(module: Any) -> Any:
                return together(getattr(module.control, call), getattr(module.control, call))

            self._exploration = Exploration(
                act, program, options=Options(schedules=200, seconds=2.0, bound=bound), key=_key
            )
        self._outcomes = iter(self._exploration)
        return {}

    def _next(self) -> Answer:
        assert self._exploration is not None
        self._last = next(self._outcomes, None)
        summary = asdict(self._exploration.summary)
        if self._last is not None:
            return {"value": self._last.value, "schedule": self._last.schedule, "summary": summary}
        failure = self._exploration.failure
        return {"failure": failure.as_data() if failure else None, "summary": summary}

    def _evidence(self) -> Answer:
        """The shortest schedule that gives the last outcome, step by step."""
        assert self._exploration is not None
        assert self._last is not None
        return asdict(self._exploration.evidence(self._last))

    def _replay(self, schedule: str) -> Answer:
        assert self._exploration is not None
        value, failure, steps = self._exploration.replay(schedule)
        return {
            "value": value,
            "failure": failure.as_data() if failure else None,
            "steps": [asdict(step) for step in steps],
        }


def _key(value: Any) -> str:
    return json.dumps(wire.encode(value), sort_keys=True)
