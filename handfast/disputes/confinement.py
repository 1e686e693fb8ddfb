"""Takes from this process whatever it does not need to compute: for the child that evaluates.

Nothing here needs a privilege or a program beside Python. Landlock is three system calls and one
structure when it has to forbid everything, so it is called directly; seccomp goes through
libseccomp, which knows the numbers of system calls on each processor.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import struct
import sys
from contextlib import suppress
from typing import Final

from handfast.disputes.jobs import Limits

try:
    import pyseccomp as seccomp
except (ImportError, RuntimeError):  # of the extra `voter`, and in need of a C library
    seccomp = None

SECCOMP: Final = "seccomp"
LANDLOCK: Final = "landlock"
NAMESPACE: Final = "network namespace"
USER: Final = "unprivileged user"
LIMITS: Final = "resource limits"

_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_CLONE_THREAD: Final = 0x00010000
_PROT_EXEC: Final = 4
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_LANDLOCK_CREATE: Final = 444  # the same numbers on every processor
_LANDLOCK_RESTRICT: Final = 446
_LANDLOCK_VERSION_FLAG: Final = 1
# Rights that each version of Landlock can forbid: of files, of TCP, of reaching other processes.
_LANDLOCK_RIGHTS: Final = (
    (1, (1 << 13) - 1, 0, 0),
    (2, (1 << 14) - 1, 0, 0),
    (3, (1 << 15) - 1, 0, 0),
    (4, (1 << 15) - 1, 3, 0),
    (5, (1 << 16) - 1, 3, 0),
    (6, (1 << 16) - 1, 3, 3),
)
_NOBODY: Final = 65_534
_OPEN_FILES: Final = 16

# What computing, allocating, waiting and reading what is already open take. No path is opened, no
# socket made, no program run, no process signalled or traced.
_ALLOWED: Final = """
    brk clock_getres clock_gettime clock_nanosleep close exit exit_group fcntl fstat futex getcpu
    getpid getrandom getrusage gettid gettimeofday lseek madvise membarrier mremap munmap nanosleep
    poll ppoll pread64 read readv restart_syscall rseq rt_sigaction rt_sigprocmask rt_sigreturn
    sched_getaffinity sched_yield set_robust_list sigaltstack sysinfo time uname write writev
"""

_libc = ctypes.CDLL(None, use_errno=True)


def confine(limits: Limits, parent: int) -> tuple[str, ...]:
    """Give up everything that can be given up, for ever.

    parent    the process whose end is the end of this one
    returns   the mechanisms that took hold; which one a system offers differs
    """
    held = [LIMITS]
    linux = sys.platform == "linux"
    if linux and _leave_network():
        held.append(NAMESPACE)
    if _leave_root():
        held.append(USER)
    if linux:
        _die_with(parent)
    _limit(limits)
    if not linux:
        return tuple(held)
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        if _forbid_paths():
            held.append(LANDLOCK)
        if _filter_calls():
            held.append(SECCOMP)
    return tuple(held)


def _limit(limits: Limits) -> None:
    # The soft limit ends a loop with SIGXCPU, the hard one whatever catches that.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.seconds, limits.seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))


def _leave_network() -> bool:
    """Move into a network of its own, without any interface that is up."""
    if os.geteuid() == 0 and _libc.unshare(_CLONE_NEWNET) == 0:
        return True
    return bool(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0)


def _leave_root() -> bool:
    """Become nobody. True if this process has no privilege afterwards."""
    if os.geteuid() == 0:
        with suppress(OSError):
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    return os.geteuid() != 0


def _die_with(parent: int) -> None:
    # After the change of user, which resets it.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _forbid_paths() -> bool:
    """Handle every right that this Landlock knows, and grant none."""
    version = _libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_VERSION_FLAG)
    known = [rights for rights in _LANDLOCK_RIGHTS if rights[0] <= version]
    if not known:
        return False
    _, files, network, scopes = known[-1]
    words = [files] + ([network] if network else []) + ([scopes] if scopes else [])
    attributes = struct.pack(f"={len(words)}Q", *words)
    ruleset = _libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        return bool(_libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _filter_calls() -> bool:
    """Let through the system calls of _ALLOWED alone; the others fail as not permitted."""
    if seccomp is None:
        return False
    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for name in _ALLOWED.split():
        # A name that this processor does not have is none that can be called.
        with suppress(OSError):
            rules.add_rule(seccomp.ALLOW, name)
    for name in ("mmap", "mprotect"):
        rules.add_rule(seccomp.ALLOW, name, seccomp.Arg(2, seccomp.MASKED_EQ, _PROT_EXEC, 0))
    # Threads, but no processes; the C library falls back from clone3, whose flags are in memory.
    thread = seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_THREAD, _CLONE_THREAD)
    rules.add_rule(seccomp.ALLOW, "clone", thread)
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    try:
        rules.set_attr(seccomp.Attr.CTL_TSYNC, 1)
        rules.load()
    except OSError:
        return False
    return True
