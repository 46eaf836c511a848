"""Submissions made from a stub that answer everything with the same odd value.

A check that such an answer ends as `error` would cost a wrong submission nothing: checks must look at the form of an answer
before they use it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ODD = {
    "none": "None",
    "text": "'odd'",
    "number": "-1",
    "mapping": "{'odd': [None]}",
    "nested": "[[], None, ('odd',)]",
    "records": "[Odd(), Odd()]",
}
HEAD = '''"""Answers everything with {value}."""


class Odd:
    odd = None


'''


def submissions(stub: Path) -> Iterator[tuple[str, str]]:
    """(name, source) of one submission for each odd value."""
    nodes = ast.parse(stub.read_text(encoding="utf-8")).body
    for name, value in ODD.items():
        parts = filter(None, (_answering(node, value) for node in nodes))
        yield name, HEAD.format(value=value) + "\n\n".join(parts) + "\n"


def _answering(node: ast.stmt, value: str, indent: str = "") -> str:
    """The definition with the same name, any arguments, and this answer; exceptions and records stay as they are."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
            answer = "None" if node.name == "__init__" else value
            return f"{indent}{word} {node.name}(*args, **kwargs):\n{indent}    return {answer}\n"
        case ast.ClassDef() if _has_methods(node):
            methods = "\n".join(_answering(inside, value, "    ") for inside in node.body)
            return f"class {node.name}:\n    def __init__(self, *args, **kwargs):\n        pass\n\n{methods}"
        case ast.ClassDef() | ast.Import() | ast.ImportFrom() | ast.Assign() | ast.AnnAssign():
            return ast.unparse(node) if not indent else ""
    return ""


def _has_methods(node: ast.ClassDef) -> bool:
    return any(isinstance(inside, ast.FunctionDef | ast.AsyncFunctionDef) for inside in node.body)
