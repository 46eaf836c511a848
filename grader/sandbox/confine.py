"""What a submission's process gives up for good before the student's code runs: capabilities, files, system calls.

Linux only, by the kernel's own means: capabilities(7), landlock(7) and seccomp(2). All of it is inherited by whatever the
process starts, and nothing takes it back.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
import struct
import sys
from collections.abc import Iterable

# linux/prctl.h
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT, CLEAR_ALL = 47, 4
CAPABILITY_VERSION = 0x20080522  # linux/capability.h, the third version

# linux/landlock.h
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls, the same on every architecture
OLDEST_ABI = 3  # before it (Linux 6.2) files can be cut to nothing; before 2, not even moved between two folders
SCOPES_ABI = 6
RULE_PATH_BENEATH = 1
EVERYTHING = (1 << 15) - 1
DEVICES = (1 << 6) | (1 << 11)  # to make character and block devices
READ = (1 << 0) | (1 << 2) | (1 << 3)  # execute, read files, list folders
OF_A_FILE = (1 << 0) | (1 << 1) | (1 << 2) | (1 << 14)  # execute, write, read, truncate
SCOPES = (1 << 0) | (1 << 1)  # no abstract Unix socket and no signal leaves the process's own domain

HARMLESS_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

# Nothing that an exercise is about; each has opened a kernel or a container before, reaches into other processes, or makes
# what outlives them (System V's shared memory, semaphores and queues).
REFUSED = (
    "acct", "add_key", "bpf", "chroot", "clock_adjtime", "clock_settime", "delete_module", "finit_module", "fsconfig",
    "fsmount", "fsopen", "fspick", "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm",
    "iopl", "kexec_file_load", "kexec_load", "keyctl", "mount", "mount_setattr", "move_mount", "mq_open", "msgget",
    "name_to_handle_at", "open_by_handle_at", "open_tree", "perf_event_open", "pidfd_getfd", "pivot_root",
    "process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "reboot", "request_key", "semget", "setdomainname",
    "sethostname", "setns", "settimeofday", "shmget", "swapoff", "swapon", "syslog", "umount2", "unshare",
    "userfaultfd", "vhangup",
)  # fmt: skip
NEW_NAMESPACES = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)  # linux/sched.h
# seccomp.h
ALLOW, REFUSE, NO_SUCH_CALL = 0x7FFF0000, 0x00050000, -1
EQUAL, GREATER, MASKED_EQUAL = 4, 6, 7
FAMILIES = (1, 2, 10, 16)  # linux/socket.h: Unix, IPv4, IPv6, and netlink, which resolvers ask for interfaces


def prctl(option: int, value: int = 1) -> None:
    """Linux only; elsewhere nothing happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def landlock_abi() -> int:
    """The version of Landlock that the kernel offers; 0 where it has none or it is switched off."""
    if sys.platform != "linux":
        return 0
    return max(0, int(ctypes.CDLL(None).syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1)))


class SystemCalls:
    """The filter of system calls; `load()` puts it on this process. Raises OSError where libseccomp is missing."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._filter = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(ALLOW)))
        for name in REFUSED:
            self._refuse(name, errno.EPERM)
        for flag in NEW_NAMESPACES:
            self._refuse("clone", errno.EPERM, MASKED_EQUAL, flag, flag)
        self._refuse("clone3", errno.ENOSYS)  # its flags lie where no filter can look; the C library then takes clone
        for family in set(range(max(FAMILIES))) - set(FAMILIES):
            self._refuse("socket", errno.EAFNOSUPPORT, EQUAL, family)
        self._refuse("socket", errno.EAFNOSUPPORT, GREATER, max(FAMILIES))

    def _refuse(self, name: str, error: int, *comparison: int) -> None:
        """With this error; `comparison`: only if the first argument compares so (operator, and one or two numbers)."""
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number == NO_SUCH_CALL:
            return  # this libseccomp is older than the system call
        about_first = struct.pack("IIQQ", 0, *comparison, *[0] * (3 - len(comparison))) if comparison else None
        count = 1 if comparison else 0
        code = self._library.seccomp_rule_add_array(
            self._filter, ctypes.c_uint32(REFUSE | error), number, count, about_first
        )
        if code != 0:
            raise OSError(-code, f"seccomp_rule_add {name}: {os.strerror(-code)}")

    def load(self) -> None:
        if code := self._library.seccomp_load(self._filter):
            raise OSError(-code, f"seccomp_load: {os.strerror(-code)}")


def confine(readable: Iterable[str], writable: Iterable[str], calls: SystemCalls) -> None:
    """Shut this process in for good: no capabilities, these files and folders only, and only harmless system calls.

    /proc can be read, too. Paths that do not exist or are out of reach are left out. Raises OSError where the kernel refuses.
    """
    prctl(PR_SET_NO_NEW_PRIVS)
    drop_capabilities()
    restrict_files(readable, writable)
    calls.load()


def drop_capabilities() -> None:
    """All of them; with no_new_privs set, no program gives any back."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_CAP_AMBIENT, CLEAR_ALL, 0, 0, 0)
    header, none = struct.pack("Ii", CAPABILITY_VERSION, 0), bytes(24)
    if libc.capset(header, none) != 0:
        raise _error("capset")


def restrict_files(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Nothing where the kernel has no Landlock: what must hold at a level, its self-test knows."""
    libc = ctypes.CDLL(None, use_errno=True)
    abi = landlock_abi()
    if abi < OLDEST_ABI:
        return
    attributes = struct.pack("QQQ", EVERYTHING, 0, SCOPES) if abi >= SCOPES_ABI else struct.pack("Q", EVERYTHING)
    ruleset = libc.syscall(CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        raise _error("landlock_create_ruleset")
    rules = [*((path, READ) for path in readable), *((path, EVERYTHING & ~DEVICES) for path in writable)]
    rules += [("/proc", READ), *((path, OF_A_FILE) for path in HARMLESS_DEVICES)]
    for path, access in rules:
        with contextlib.suppress(FileNotFoundError, PermissionError):  # what this user cannot even name needs no rule
            _allow(libc, ruleset, path, access)
    if libc.syscall(RESTRICT_SELF, ruleset, 0) != 0:
        raise _error("landlock_restrict_self")
    os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, access: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        access &= EVERYTHING if os.path.isdir(path) else OF_A_FILE
        if libc.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, struct.pack("=Qi", access, place), 0) != 0:
            raise _error(f"landlock_add_rule {path}")
    finally:
        os.close(place)


def furnish(shared_memory: int) -> None:
    """In new namespaces, with their capabilities: start the loopback, and mount an own /dev/shm of so many bytes.

    Raises OSError where the kernel refuses.
    """
    import fcntl

    libc = ctypes.CDLL(None, use_errno=True)
    options = f"size={shared_memory},mode=1777".encode()
    nosuid_nodev = 0x2 | 0x4  # sys/mount.h
    if libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", nosuid_nodev, options) != 0:
        raise _error("mount /dev/shm")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        set_flags, up = 0x8914, 0x1  # netdevice(7): SIOCSIFFLAGS, IFF_UP
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", up))


def become(user: int) -> None:
    """Give up root for good: no group, no capability and no way back is left."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")
