"""Where another thread may come in between: the bytecode instructions of traced code that touch shared state.

`sys.monitoring` with local events from Python 3.12, `sys.settrace` with opcode events on 3.11: both call before the
instruction runs, and on the same instructions.
"""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

# Reads and writes of attributes, items, globals and closure cells; calls (of methods on shared objects); shared iterators.
SHARED = frozenset(
    {
        "LOAD_ATTR", "STORE_ATTR", "DELETE_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR",
        "BINARY_SUBSCR", "STORE_SUBSCR", "DELETE_SUBSCR", "BINARY_SLICE", "STORE_SLICE", "CONTAINS_OP",
        "STORE_GLOBAL", "STORE_DEREF", "FOR_ITER",
        "CALL", "CALL_KW", "CALL_FUNCTION_EX", "LOAD_DEREF", "LOAD_GLOBAL",
    }
)  # fmt: skip
CALLS = frozenset({"CALL", "CALL_KW", "CALL_FUNCTION_EX"})
# What may stand between the load of an attribute and the call that uses it, without touching anything shared.
SIMPLE = frozenset(
    {
        "LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW", "LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW",
        "LOAD_CONST", "LOAD_SMALL_INT", "PUSH_NULL", "PRECALL", "KW_NAMES", "CACHE", "RESUME", "NOP", "EXTENDED_ARG",
    }
)  # fmt: skip
LOOPS = frozenset({"JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"})
BACKWARD = "POP_JUMP_BACKWARD_IF_"  # on 3.11 a `while` with a condition ends in one of these instead
SUBSCRIPT = 26  # BINARY_OP's argument for x[y] from Python 3.14
POINT, LOOP, LEAVE = 1, 2, 3  # LEAVE: a point too, where a `with` block calls __exit__
At = Callable[[FrameType, int], None]  # frame, and one of these

_points: dict[CodeType, dict[int, int]] = {}


def points_of(code: CodeType, assigned: frozenset[str]) -> dict[int, int]:
    """Offset -> POINT, LOOP or LEAVE. Globals and cells count only if some code assigns them: `assigned` (see `assigned_in`)."""
    found = {}
    just_loaded, nones = False, 0
    own_loops = _loops_over_range(code)
    for instruction in dis.get_instructions(code, adaptive=False):
        name = instruction.opname
        if name == "FOR_ITER" and instruction.offset in own_loops:
            continue
        if name in SIMPLE:
            nones += name == "LOAD_CONST" and instruction.argval is None
            continue
        what = _what(instruction, assigned)
        # Between an attribute's load and the call that uses it nothing new can go wrong: one point is enough.
        if what and not (name in CALLS and just_loaded):
            found[instruction.offset] = LEAVE if name == "CALL" and nones == 3 else what
        nones = 0
        just_loaded = name in ("LOAD_ATTR", "LOAD_METHOD")
    return found


def _what(instruction: dis.Instruction, assigned: frozenset[str]) -> int:
    name = instruction.opname
    if name in LOOPS or name.startswith(BACKWARD):
        return LOOP
    if name in ("LOAD_GLOBAL", "LOAD_DEREF", "STORE_DEREF"):
        return POINT if instruction.argval in assigned else 0
    return POINT if name in SHARED or (name == "BINARY_OP" and instruction.arg == SUBSCRIPT) else 0


def _loops_over_range(code: CodeType) -> set[int]:
    """Offsets of FOR_ITER over a new `range(...)`: nobody else has that iterator."""
    found, ranges, private = set(), set(), False
    for instruction in dis.get_instructions(code, adaptive=False):
        name, start = instruction.opname, instruction.positions and instruction.positions[::2]
        if name == "LOAD_GLOBAL" and instruction.argval == "range":
            ranges.add(start)  # line and column, which are also where the call begins
        elif name == "CALL":
            private = start in ranges
        elif name == "FOR_ITER" and private:
            found.add(instruction.offset)
        if name not in ("CALL", "GET_ITER", "CACHE", "EXTENDED_ARG"):
            private = False
    return found


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """A code object and all that are nested in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes_in(constant)


def assigned_in(module: CodeType) -> frozenset[str]:
    """Names that a function assigns outside itself: by `global`, or a cell by `nonlocal`."""
    names = set()
    for code in codes_in(module):
        for instruction in dis.get_instructions(code):
            if instruction.opname == "STORE_GLOBAL" or (
                instruction.opname == "STORE_DEREF" and instruction.argval in code.co_freevars
            ):
                names.add(instruction.argval)
    return frozenset(names)


def trace(module: CodeType) -> None:
    """Every function of this module's code becomes subject to switch points, from now on and for ever."""
    assigned = assigned_in(module)
    for code in codes_in(module):
        _points[code] = points_of(code, assigned)
        if not code.co_flags & inspect.CO_OPTIMIZED:
            # The body of a module or class: Python holds the module's import lock meanwhile, so nobody may be
            # switched out here; only loops without end are looked for.
            _points[code] = {offset: what for offset, what in _points[code].items() if what == LOOP}
        if _monitor is not None:
            _monitor.add(code)


def is_traced(code: CodeType) -> bool:
    return code in _points


def leaves_block(frame: FrameType) -> bool:
    """Is the frame about to call `__exit__` at the end of a `with` block?"""
    return _points.get(frame.f_code, {}).get(frame.f_lasti) == LEAVE


def catches(frame: FrameType | None) -> bool:
    """Could a traced function among these callers catch an exception?"""
    while frame is not None:
        if frame.f_code in _points and frame.f_code.co_exceptiontable:
            return True
        frame = frame.f_back
    return False


def listen(at: At) -> None:
    """Call `at(frame, what)` before each such instruction, in the thread that runs it."""
    if _monitor is not None:
        _monitor.at = at
    _Tracer.at = at


def trace_this_thread() -> None:
    """On 3.11 tracing is per thread; to be called at the start of each."""
    if _monitor is None:
        sys.settrace(_Tracer.on_call)


class _Tracer:
    """For 3.11. An exception raised from a trace function ends tracing of that thread: Python's own rule."""

    at: At = staticmethod(lambda frame, what: None)

    @staticmethod
    def on_call(frame: FrameType, event: str, arg: Any) -> Any:
        points = _points.get(frame.f_code)
        if points is None:
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False

        def on_opcode(frame: FrameType, event: str, arg: Any) -> Any:
            if event == "opcode":
                what = points.get(frame.f_lasti)
                if what:
                    _Tracer.at(frame, what)
            return on_opcode

        return on_opcode


class _Monitor:
    """From 3.12: events only on the instructions that matter; the others are switched off at their first event."""

    def __init__(self) -> None:
        self._events: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]  # new in 3.12
        self._tool = next(n for n in (4, 3, 5, 2) if self._events.get_tool(n) is None)
        self._events.use_tool_id(self._tool, "schedule explorer")
        self._events.register_callback(self._tool, self._events.events.INSTRUCTION, self._instruction)
        self.at: At = lambda frame, what: None

    def add(self, code: CodeType) -> None:
        self._events.set_local_events(self._tool, code, self._events.events.INSTRUCTION)

    def _instruction(self, code: CodeType, offset: int) -> Any:
        what = _points[code].get(offset)
        if what is None:
            return self._events.DISABLE
        self.at(sys._getframe(1), what)
        return None


_monitor: _Monitor | None = None


def prepare() -> None:
    """Claim a monitoring tool, once a process."""
    global _monitor
    if _monitor is None and sys.version_info >= (3, 12):
        _monitor = _Monitor()
