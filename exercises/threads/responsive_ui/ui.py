"""Given: a small toolkit in the manner of tkinter, without a screen. Read it, use it, leave it as it is.

The thread that makes the App is the UI thread. `App.run` calls one function after the other there; while one of them runs, nothing
else happens in the window: no tick, no click, no repaint. Everything here raises WrongThreadError in any other thread.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any


class WrongThreadError(RuntimeError):
    """A widget or the App was used by a thread that is not the UI thread."""


class App:
    """The event loop. `display(widget, value)` is called for everything that would be painted on a screen."""

    def __init__(self, display: Callable[[str, Any], object] | None = None) -> None:
        self._ui_thread = threading.current_thread()
        self._display = display
        self._due: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._numbers = itertools.count(1)
        self._is_running = False

    def after(self, ms: float, fn: Callable[..., object], *args: Any) -> int:
        """Call `fn(*args)` once, in the UI thread, when `ms` milliseconds have passed. The number is for after_cancel."""
        self.check_thread("App.after")
        number = next(self._numbers)
        heapq.heappush(self._due, (time.monotonic() + ms / 1000, number, fn, args))
        return number

    def after_cancel(self, number: int) -> None:
        """Forget what was asked for with `after`, if it has not been called yet."""
        self.check_thread("App.after_cancel")
        self._due = [entry for entry in self._due if entry[1] != number]
        heapq.heapify(self._due)

    def run(self) -> None:
        """Call what is due until `quit`, or until nothing is left to wait for. What a function raises comes out here."""
        self.check_thread("App.run")
        self._is_running = True
        while self._is_running and self._due:
            wait = self._due[0][0] - time.monotonic()
            if wait > 0:
                time.sleep(wait)
                continue
            _, _, fn, args = heapq.heappop(self._due)
            fn(*args)

    def quit(self) -> None:
        """Let `run` return when the function that is running now has ended."""
        self.check_thread("App.quit")
        self._is_running = False

    def check_thread(self, what: str) -> None:
        """Every widget asks here first."""
        thread = threading.current_thread()
        if thread is not self._ui_thread:
            message = f"{what} was used in thread '{thread.name}'; only the UI thread may do that"
            self._paint("wrong thread", message)
            raise WrongThreadError(message)

    def _paint(self, widget: str, value: Any) -> None:
        if self._display is not None:
            self._display(widget, value)


class Label:
    """A line of text."""

    def __init__(self, app: App, text: str = "") -> None:
        self._app, self._text = app, text

    @property
    def text(self) -> str:
        self._app.check_thread("Label.text")
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        self._app.check_thread("Label.text")
        if not isinstance(text, str):
            raise TypeError(f"Label.text must be a str, not {type(text).__name__}")
        if text != self._text:
            self._text = text
            self._app._paint("label", text)


class ProgressBar:
    """A bar from 0 to 100."""

    def __init__(self, app: App) -> None:
        self._app, self._value = app, 0.0

    @property
    def value(self) -> float:
        self._app.check_thread("ProgressBar.value")
        return self._value

    @value.setter
    def value(self, value: float) -> None:
        self._app.check_thread("ProgressBar.value")
        if not 0 <= value <= 100:
            raise ValueError(f"ProgressBar.value must be from 0 to 100, not {value}")
        if value != self._value:
            self._value = value
            self._app._paint("bar", value)


class Button:
    """Calls `command` when it is clicked, if it is enabled."""

    def __init__(self, app: App, command: Callable[[], object] | None = None) -> None:
        self._app, self._enabled, self.command = app, True, command

    @property
    def enabled(self) -> bool:
        self._app.check_thread("Button.enabled")
        return self._enabled

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        self._app.check_thread("Button.enabled")
        self._enabled = enabled

    def click(self) -> None:
        self._app.check_thread("Button.click")
        if self._enabled and self.command is not None:
            self.command()


class AnalyseView:
    """The window of this exercise: a label, a bar and two buttons."""

    def __init__(self, app: App) -> None:
        self.label = Label(app, "ready")
        self.bar = ProgressBar(app)
        self.start_button = Button(app)
        self.cancel_button = Button(app)


def demo(controller_class: Callable[[App, AnalyseView, Any], Any]) -> None:
    """Play with a controller: prints what the window shows, and how long it was frozen at worst."""
    began = time.monotonic()
    ticks = [began]

    def analyse(files: Sequence[str], report: Callable[[int], None], is_cancelled: Callable[[], bool]) -> str:
        for done in range(1, 101):
            time.sleep(0.02)
            report(done)
            if is_cancelled():
                break
        return f"{len(files)} files"

    def tick() -> None:
        ticks.append(time.monotonic())
        app.after(10, tick)

    app = App(lambda widget, value: print(f"{time.monotonic() - began:6.3f} s  {widget}: {value}"))
    view = AnalyseView(app)
    controller = controller_class(app, view, analyse)
    view.start_button.command = lambda: controller.on_start(["a.log", "b.log"])
    view.cancel_button.command = controller.on_cancel
    app.after(0, tick)
    app.after(100, view.start_button.click)
    app.after(700, view.cancel_button.click)
    app.after(800, view.start_button.click)
    app.after(3300, controller.on_close)
    app.after(3400, app.quit)
    app.run()
    gaps = [after - before for before, after in itertools.pairwise(ticks)]
    print(f"longest time without a tick: {1000 * max(gaps, default=0):.0f} ms")
