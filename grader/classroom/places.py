"""Where a class was graded, for those who read the results."""

from __future__ import annotations

from collections.abc import Sequence

from grader.classroom.units import Place
from grader.sandbox import cage
from grader.text import visible


def lowest(places: Sequence[Place]) -> str:
    """The weakest isolation level among them; empty if there are none."""
    order = (*cage.LEVELS, cage.PROCESS)
    return max((place.isolation for place in places), key=order.index, default="")


def places_told(places: Sequence[Place]) -> list[str]:
    """One note: the machines, and the lowest level with the machines that have no better one."""
    if not places:
        return []
    machines = sorted({place.machine for place in places})
    level = lowest(places)
    weak = sorted({place.machine.partition(",")[0] for place in places if place.isolation == level})
    where = f" (on {', '.join(weak)})" if len(weak) < len(machines) else ""
    count = f"{len(machines)} machine{'s' if len(machines) > 1 else ''}"
    return [visible(f"Graded on {count}: {'; '.join(machines)}. The lowest isolation level used was {level}{where}.")]
