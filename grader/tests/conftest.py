from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from grader.sandbox.launch import Launcher, launcher
from grader.sandbox.session import Job, Session
from grader.tests.handed import make_checkout

# No test here is about time, and the same examples come in every run.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens", action="store_true", help="Write the golden files anew, to be looked at with git diff."
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with the file of that name in `goldens/`, byte for byte."""

    def compare(name: str, text: str) -> None:
        path = Path(__file__).parent / "goldens" / name
        if request.config.getoption("--update-goldens"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        assert text == path.read_bytes().decode(), f"{path} differs; --update-goldens writes it anew."

    return compare


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tests that measure or count something record it as `table`: lines to be shown."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, lines in getattr(report, "user_properties", ()) if getattr(report, "when", "") == "call" else ():
                if name == "table":
                    terminalreporter.section(lines[0])
                    terminalreporter.write_line("\n".join(lines[1:]))


@pytest.fixture(scope="session")
def warm() -> Iterator[Launcher]:
    made = launcher(())
    yield made
    made.close()


@pytest.fixture
def session_of(warm: Launcher, tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """Starts a submission with this source; ends them all afterwards."""
    started: list[Session] = []

    def start(source: str, seconds: float = 5.0, scenarios: str = "", start_method: str | None = None) -> Session:
        path = tmp_path / f"work_{len(started)}.py"
        path.write_text(source)
        session = Session(Job("homework", path, (), scenarios, seconds, start_method), warm)
        started.append(session)
        session.start()
        return session

    yield start
    for session in started:
        session.close()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Two small exercises; modules with a `checkout` of their own have that one."""
    return make_checkout(tmp_path / "checkout")


@pytest.fixture
def handed_in(tmp_path: Path) -> Path:
    """A folder for what people hand in."""
    folder = tmp_path / "handed-in"
    folder.mkdir()
    return folder
