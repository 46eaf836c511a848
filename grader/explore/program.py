"""The modules under test, loaded fresh for every schedule from code that is compiled and traced once."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType

from grader.explore import points


class Program(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Modules by name and path; the first one is what a scenario receives. Raises SyntaxError and OSError."""

    def __init__(self, paths: Sequence[Path], sources: Mapping[str, str] | None = None) -> None:
        points.prepare()
        texts = {path.stem: (str(path), path.read_text(encoding="utf-8")) for path in paths}
        texts |= {name: (f"<{name}>", text) for name, text in (sources or {}).items()}
        self.files = {filename for filename, _ in texts.values()}
        self._codes: dict[str, CodeType] = {}
        for name, (filename, text) in texts.items():
            self._codes[name] = compile(text, filename, "exec", dont_inherit=True)
            points.trace(self._codes[name])

    def fresh(self) -> ModuleType:
        """Run the first module anew, and the others when it imports them."""
        self.forget()
        sys.meta_path.insert(0, self)
        first, *_ = self._codes
        return importlib.import_module(first)

    def forget(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        for name in self._codes:
            sys.modules.pop(name, None)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in self._codes:
            return None
        filename = self._codes[name].co_filename
        return importlib.machinery.ModuleSpec(name, self, origin=filename)

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self._codes[module.__name__].co_filename
        exec(self._codes[module.__name__], module.__dict__)
