"""The isolation levels: which can be had on this machine, and how the first process at each of them is started."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grader.errors import UsageError
from grader.sandbox import confine, limits
from grader.sandbox.seen import TOP, shown

VARIABLE = "GRADER_ISOLATION"
BUBBLEWRAP, NAMESPACES, LANDLOCK, GROUP, PROCESS = (
    "bubblewrap", "user-namespaces", "landlock", "process-group", "process",
)  # fmt: skip
LEVELS = (BUBBLEWRAP, NAMESPACES, LANDLOCK, GROUP)  # the strongest first
CAGED = (BUBBLEWRAP, NAMESPACES)  # processes and network of their own; ended at one blow
CONFINED = (*CAGED, LANDLOCK)  # files and system calls
ASKED = ("auto", *LEVELS)
# The warm parent's own: to become the submission's user, to end its processes and to clean up after it.
CAPABILITIES = ("CAP_SETUID", "CAP_SETGID", "CAP_KILL", "CAP_DAC_OVERRIDE", "CAP_FOWNER")
FIRST_USER, USERS = 60_600, 500  # no distribution gives these numbers to anybody
REMEDIES = {
    BUBBLEWRAP: "It needs bubblewrap 0.7 and either root with CAP_SYS_ADMIN and CAP_NET_ADMIN (a container: --privileged) or user "
    "namespaces (Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0).",
    NAMESPACES: "It needs util-linux 2.37 and either root with CAP_SYS_ADMIN (a container: --privileged) or user namespaces "
    "(Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0).",
    LANDLOCK: "It needs Landlock (Linux 6.2).",
}


def resolve(asked: str | None = None, tested: bool = False) -> str:
    """The level to use; None asks GRADER_ISOLATION. Raises UsageError when the level asked for cannot be had.

    `tested`: a level that is asked for by its name has passed its self-test a moment ago.
    """
    asked = asked or os.environ.get(VARIABLE) or "auto"
    if not hasattr(os, "fork"):
        if asked in ("auto", PROCESS):
            return PROCESS
        raise UsageError(f"The isolation level {asked} needs Linux or macOS. Leave --isolation away.")
    if asked == "auto":
        return next(level for level in LEVELS if not fault(level))
    if asked not in ASKED:
        raise UsageError(f"There is no isolation level {asked!r}; the levels are {', '.join(ASKED)}.")
    if not tested and (why := fault(asked)):
        raise UsageError(
            f"The isolation level {asked} cannot be had here: {why} `--isolation auto` takes the best level of this machine."
        )
    return asked


def warning(level: str) -> str:
    """What to tell whoever relies on a score that was found at this level; empty where no submission can write the judge's results."""
    if level in CONFINED:
        return ""
    return f"Submissions were shut in by {level} only: hostile code could have changed results."


def fault(level: str) -> str:
    """Why this level cannot be used here and what to do about it; empty if its self-test passes."""
    if level == GROUP:
        return ""
    if sys.platform != "linux":
        return "it exists on Linux only."
    if level == BUBBLEWRAP and shutil.which("bwrap") is None:
        return "bwrap is not installed. Debian and Ubuntu: `apt-get install bubblewrap`."
    if level == NAMESPACES and shutil.which("unshare") is None:
        return "unshare is not installed. Debian and Ubuntu: `apt-get install util-linux`."
    if level != BUBBLEWRAP and confine.landlock_abi() < confine.OLDEST_ABI:
        return "the kernel has no Landlock, or an old one. It needs Linux 6.2 or newer, with landlock among its `lsm=`."
    said = _self_test(level)
    return said and f"its self-test says: {said[:300]}. {REMEDIES[level]}"


def _self_test(level: str) -> str:
    """What does not hold at this level; empty if everything does."""
    with tempfile.TemporaryDirectory(prefix="kata-") as name, tempfile.NamedTemporaryFile(prefix="kata-") as outside:
        folder = Path(name).resolve()
        plan = plan_of(level)
        give(folder, plan["user"], 0o770)
        words = [sys.executable, "-P", "-m", "grader.sandbox.probe", json.dumps(plan), str(folder), outside.name]
        try:
            done = subprocess.run(
                command(level, folder, words, plan),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=20,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"it could not be run ({error})"
    if done.returncode == 0 and done.stdout.strip() == "it holds":
        return ""
    return "; ".join(done.stdout.split("\n")).strip("; ") or (done.stderr.strip().splitlines() or ["nothing"])[-1]


def plan_of(level: str, hidden: Path | None = None) -> dict[str, Any]:
    """What the first process at this level does itself, as plain data. `hidden`: see `seen.shown`.

    `user`: whom submissions become (None: nobody else). `shown`, `scratch`: what they may read (None: no limit) and where they
    may write, beside their own folder. `furnish`: bytes for /dev/shm in namespaces that are still bare. `caged`: the
    first process is the first of a PID namespace.
    """
    caged = level in CAGED
    return {
        "user": user() if level == BUBBLEWRAP else None,
        "shown": [str(path) for path in shown(hidden)] if level in CONFINED else None,
        "scratch": ["/dev/shm", *(["/tmp"] if level == BUBBLEWRAP else [])],
        "furnish": limits.SHARED_MEMORY if level == NAMESPACES else None,
        "caged": caged,
    }


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


def command(level: str, folder: Path, program: Sequence[str], plan: dict[str, Any]) -> list[str]:
    """The command line that starts `program` at this level, of which `plan` is the plan."""
    if level == BUBBLEWRAP:
        return [*_bubblewrap(folder, [*map(Path, plan["shown"])]), *program]
    if level == NAMESPACES:
        words = ["unshare", "--pid", "--fork", "--kill-child", "--ipc", "--uts", "--net", "--mount", "--mount-proc"]
        if user() is None:
            words += ["--user", "--map-current-user", "--keep-caps"]
        return [*words, "--", *program]
    return list(program)


def _bubblewrap(folder: Path, seen: Sequence[Path]) -> list[str]:
    """It sees `seen` and `folder`, and no process and no network of the outside.

    As root without a user namespace: with one, root inside would be root outside for every file that is not mounted
    away, /proc/sys among them.
    """
    words = ["bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--unshare-cgroup-try"]
    words += ["--die-with-parent", "--as-pid-1"]  # no signal from inside reaches the first process, not even SIGKILL
    if user() is None:
        words += ["--unshare-user"]
    else:
        words += ["--cap-drop", "ALL", *(word for name in CAPABILITIES for word in ("--cap-add", name))]
    words += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev", "--chdir", "/"]
    for place, size in (("/dev/shm", limits.SHARED_MEMORY), ("/tmp", limits.TEMPORARY)):
        words += ["--size", str(size), "--perms", "1777", "--tmpfs", place]
    for parent in dict.fromkeys(parent for path in (*seen, folder) for parent in reversed(path.parents[:-1])):
        if not any(path in (parent, *parent.parents) for path in seen):
            words += ["--perms", "0755", "--dir", str(parent)]  # else bwrap makes it, for root only
    for path in seen:
        words += ["--ro-bind", str(path), str(path)]
    for link in filter(Path.is_symlink, TOP):
        words += ["--symlink", os.readlink(link), str(link)]
    words += ["--bind", str(folder), str(folder), "--remount-ro", "/", "--"]
    return words
