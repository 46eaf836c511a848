"""Where a submission's source looks at the harness instead of solving the exercise. For people: it never sets a score.

Scenarios and explorations play in the submission's process, so code that knows the harness can make them lie. No such code
is needed for an exercise, so a person should look at what is named here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

MODULES = {
    "builtins", "ctypes", "gc", "grader", "importlib", "marshal", "pytest", "_pytest", "scenarios", "sitecustomize",
}  # fmt: skip
ATTRIBUTES = {
    "__builtins__", "__closure__", "__code__", "__globals__", "__subclasses__", "_current_frames", "_exit", "_getframe",
    "cr_frame", "currentframe", "f_back", "f_globals", "f_locals", "getouterframes", "getppid", "gi_frame", "meta_path",
    "monitoring", "path_hooks", "setprofile", "settrace", "tb_frame",
}  # fmt: skip
CALLS = {"__import__", "compile", "eval", "exec", "globals"}
PLACES = ("/proc/", "/dev/shm", ".git", "solutions/", "pytest.ini", "conftest.py")
OF_MODULES = ("sys.modules", "os.environ", "os.kill", "os.killpg")
MOST = 20


def review(source: bytes) -> list[str]:
    """`line 3: imports gc`, and so on, at most 20; empty for what does nothing of this kind, or is no Python."""
    try:
        tree = ast.parse(source)
    except (RecursionError, MemoryError):
        return ["it is nested too deeply to be reviewed"]
    except (SyntaxError, ValueError):
        return []
    modules = {alias.asname or alias.name.split(".")[0] for alias in _imports(tree)}
    found = {(getattr(node, "lineno", 0), what) for node in ast.walk(tree) for what in _what(node, modules)}
    return [f"line {line}: {what}" for line, what in sorted(found)[:MOST]]


def _imports(tree: ast.AST) -> Iterator[ast.alias]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from node.names


def _what(node: ast.AST, modules: set[str]) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (f"imports {alias.name}" for alias in names if alias.name.split(".")[0] in MODULES)
        case ast.ImportFrom(module=str(module)) if module.split(".")[0] in MODULES:
            yield f"imports {module}"
        case ast.ImportFrom(names=names):
            yield from (f"imports {alias.name}" for alias in names if alias.name in ATTRIBUTES)
        case ast.Attribute(value=ast.Name(id=module), attr=attribute, ctx=ast.Store()) if module in modules:
            yield f"replaces {module}.{attribute}"
        case ast.Attribute(value=ast.Name(id=module), attr=attribute) if f"{module}.{attribute}" in OF_MODULES:
            yield f"uses {module}.{attribute}"
        case ast.Attribute(attr=attribute) if attribute in ATTRIBUTES:
            yield f"uses {attribute}"
        case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(id=module), *_]) if module in modules:
            yield f"replaces something in {module}"
        case ast.Call(func=ast.Name(id=name)) if name in CALLS:
            yield f"calls {name}"
        case ast.Constant(value=str(text)) if len(text) < 300:
            yield from (f"names {place}" for place in PLACES if place in text)
