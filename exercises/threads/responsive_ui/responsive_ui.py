"""The window that must not freeze: the stub. README.md tells the task; `ui.py` is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ui import AnalyseView, App, demo

# analyse(files, report, is_cancelled): report(percent) tells how far it is, is_cancelled() whether it should stop.
Analyse = Callable[[Sequence[str], Callable[[int], None], Callable[[], bool]], object]


class AnalyseController:
    """Starts and cancels analyses, and shows in the view what becomes of them. All methods are called in the UI thread."""

    def __init__(self, app: App, view: AnalyseView, analyse: Analyse) -> None:
        # TODO: what does the worker hand over to the UI thread, and through what?
        raise NotImplementedError

    def on_start(self, files: Sequence[str]) -> None:
        """Begin to analyse, and return at once. Does nothing during a run, and after on_close."""
        raise NotImplementedError

    def on_cancel(self) -> None:
        """Give the run up, and return at once. Does nothing when there is none."""
        # TODO: whatever the old run still has to say, nobody wants to see it.
        raise NotImplementedError

    def on_close(self) -> None:
        """The window closes: cancel, and wait for the worker, at most one second."""
        raise NotImplementedError


if __name__ == "__main__":
    demo(AnalyseController)
