"""Settings with transactions: the stub. README.md tells the task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

Settings = Mapping[str, Any]


class SettingsStore:
    """Settings that many threads read all the time, and a few change now and then."""

    def __init__(self, initial: Settings = MappingProxyType({})) -> None:
        # TODO: keep the settings, so that nobody who reads them has to wait for somebody who changes them.
        raise NotImplementedError

    def snapshot(self) -> Settings:
        """The version that was committed last: read-only, and no later change touches it. Never waits for a writer."""
        raise NotImplementedError

    def get(self, key: str, default: Any = None) -> Any:
        """One setting, as committed last, or as this thread's open transaction has it. Never waits for a writer."""
        raise NotImplementedError

    def set(self, key: str, value: Any) -> None:
        """Change one setting."""
        raise NotImplementedError

    def update(self, key: str, fn: Callable[[Any], Any]) -> Any:
        """Replace a setting by `fn(setting)`, in one step for others; returns the new value. `fn` may call any method."""
        raise NotImplementedError

    @contextmanager
    def transaction(self) -> Iterator[MutableMapping[str, Any]]:
        """Several changes, all at once when the outermost block ends, or none if it ends by an exception."""
        raise NotImplementedError

    def subscribe(self, fn: Callable[[Settings, Settings], None]) -> Callable[[], None]:
        """Call `fn(old, new)` after each commit from now on; returns what ends it."""
        raise NotImplementedError

    def wait_for(self, predicate: Callable[[Settings], bool], timeout: float | None = None) -> Settings:
        """The first version, from the present one on, for which `predicate` is true. Raises TimeoutError."""
        raise NotImplementedError
