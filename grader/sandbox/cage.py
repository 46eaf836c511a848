"""The isolation levels: which can be had on this machine, and bubblewrap's command line for the strongest."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from grader.errors import UsageError
from grader.sandbox import limits

VARIABLE = "GRADER_ISOLATION"
BUBBLEWRAP, GROUP, PROCESS = "bubblewrap", "process-group", "process"
ASKED = ("auto", BUBBLEWRAP, GROUP)
# The warm parent's own: to become the submission's user, to end its processes and to clean up after it.
CAPABILITIES = ("CAP_SETUID", "CAP_SETGID", "CAP_KILL", "CAP_DAC_OVERRIDE", "CAP_FOWNER")
FIRST_USER, USERS = 60_600, 500  # no distribution gives these numbers to anybody
TOP = tuple(map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64")))
ETC = (
    "alternatives", "ca-certificates.conf", "gai.conf", "host.conf", "hosts", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf", "protocols", "services", "ssl", "timezone",
)  # fmt: skip


def resolve(asked: str | None = None) -> str:
    """The level to use; None asks GRADER_ISOLATION. Raises UsageError when the level asked for cannot be had."""
    asked = asked or os.environ.get(VARIABLE) or "auto"
    if not hasattr(os, "fork"):
        if asked in ("auto", PROCESS):
            return PROCESS
        raise UsageError(f"The isolation level {asked} needs Linux or macOS. Leave --isolation away.")
    if asked == "auto":
        return GROUP if fault() else BUBBLEWRAP
    if asked == BUBBLEWRAP and (why := fault()):
        raise UsageError(f"The isolation level {BUBBLEWRAP} cannot be had here: {why}")
    if asked not in ASKED:
        raise UsageError(f"There is no isolation level {asked!r}; the levels are {', '.join(ASKED)}.")
    return asked


def fault() -> str:
    """Why bubblewrap cannot be used here and what to do about it; empty if its self-test passes."""
    if sys.platform != "linux":
        return "it exists on Linux only. `--isolation auto` takes the best level of this machine."
    if shutil.which("bwrap") is None:
        return "bwrap is not installed. Debian and Ubuntu: `apt-get install bubblewrap`; or use `--isolation auto`."
    with tempfile.TemporaryDirectory(prefix="kata-") as name, tempfile.NamedTemporaryFile(prefix="kata-") as outside:
        folder = Path(name).resolve()
        give(folder, user(), 0o770)
        script = str(Path(__file__).with_name("probe.py"))
        probe = [sys.executable, "-I", "-S", script, str(user() or ""), str(folder), outside.name]
        try:
            done = subprocess.run(
                command(folder, probe), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"bwrap could not be run: {error}. `--isolation auto` takes the best level of this machine."
    said = (done.stdout or done.stderr).strip().splitlines() or ["nothing"]
    if done.returncode == 0 and said == ["it holds"]:
        return ""
    return (
        f"its self-test says: {said[-1][:300]}. It needs bubblewrap 0.7 and either root with CAP_SYS_ADMIN (a container: "
        "--privileged) or user namespaces (Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0). "
        "`--isolation auto` takes the best level of this machine."
    )


def user() -> int | None:
    """The user that submissions of this judge become; None where the judge itself is an ordinary user.

    Judges side by side get different ones, because the kernel counts a user's processes together.
    """
    return FIRST_USER + os.getpid() % USERS if hasattr(os, "geteuid") and os.geteuid() == 0 else None


def give(folder: Path, owner: int | None, mode: int) -> None:
    """Give the folder to that user's group; whatever is made inside later is of that group, too."""
    if owner is not None:
        os.chown(folder, -1, owner)
        folder.chmod(0o2000 | mode)


def command(folder: Path, program: Sequence[str]) -> list[str]:
    """`program` in the cage: it sees Python, the grader and `folder`, and no process of the outside.

    As root without a user namespace: with one, root inside would be root outside for every file that is not mounted
    away, /proc/sys among them. The network is the machine's own, because the judge's servers are on the loopback.
    """
    words = ["bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent"]
    words += ["--as-pid-1"]  # no signal from inside reaches the first process, not even SIGKILL
    if user() is None:
        words += ["--unshare-user"]
    else:
        words += ["--cap-drop", "ALL", *(word for name in CAPABILITIES for word in ("--cap-add", name))]
    words += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev", "--chdir", "/"]
    for place, size in (("/dev/shm", limits.SHARED_MEMORY), ("/tmp", limits.TEMPORARY)):
        words += ["--size", str(size), "--perms", "1777", "--tmpfs", place]
    seen = [*_python(), *_machine()]
    for parent in dict.fromkeys(parent for path in (*seen, folder) for parent in reversed(path.parents[:-1])):
        if not any(path in (parent, *parent.parents) for path in seen):
            words += ["--perms", "0755", "--dir", str(parent)]  # else bwrap makes it, for root only
    for path in seen:
        words += ["--ro-bind", str(path), str(path)]
    for link in filter(Path.is_symlink, TOP):
        words += ["--symlink", os.readlink(link), str(link)]
    words += ["--bind", str(folder), str(folder), "--remount-ro", "/", "--"]
    return [*words, *program]


def _python() -> Iterator[Path]:
    """What Python needs to run, and of this project only the grader itself."""
    homes = {Path(sys.prefix), Path(sys.exec_prefix), Path(sys.base_prefix), Path(sys.base_exec_prefix)}
    homes |= {home.resolve() for home in homes}
    paths = [home / part for home in sorted(homes) for part in ("bin", "lib", "lib64", "pyvenv.cfg")]
    paths += [Path(place) for place in site.getsitepackages()]
    paths += [Path(site.getusersitepackages())] if site.ENABLE_USER_SITE else []
    paths += [Path(__file__).parent.parent]
    for path in dict.fromkeys(paths):
        if path.exists() and not any(other in path.parents for other in (Path("/usr"), *paths)):
            yield path


def _machine() -> Iterator[Path]:
    """The system's programs and libraries, and settings that hold no secret."""
    yield Path("/usr")
    yield from (path for path in TOP if path.is_dir() and not path.is_symlink())
    yield from filter(Path.exists, map(Path("/etc").joinpath, ETC))
    yield from filter(Path.exists, [Path("/sys/devices/system/cpu")])
