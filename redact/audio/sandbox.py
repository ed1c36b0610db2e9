"""What the decoder's process gives up before it touches a file that nobody vouches for.

Whoever takes it over through a decoder's bug finds a process that can compute, read its input and write to its
parent, and nothing else. The protections overlap on purpose, as machines differ in which they let a process have:

| protection     | how                                               | refused                                   |
|----------------|---------------------------------------------------|-------------------------------------------|
| `network`      | a user and a network namespace of its own         | without user namespaces (some containers) |
| `system_calls` | a filter (seccomp): those that decoding needs     | by other processors than x86-64           |
| `limits`       | CPU time, memory, files, processes, core dumps    | never; that of processes spares root      |
| `privileges`   | no rights are gained by running another program   | never                                     |

Where one is refused the others hold, and `redact doctor` says so. Runs in the decoder's process: standard library only.
"""

import contextlib
import ctypes
import os
import platform
import resource
import struct
import sys
from typing import Literal, get_args

Protection = Literal["network", "system_calls", "limits", "privileges"]
PROTECTIONS: tuple[Protection, ...] = get_args(Protection)

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _PR_GET_NO_NEW_PRIVS = 1, 22, 38, 39  # linux/prctl.h
_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000  # linux/sched.h
_SIGKILL = 9

# Numbers of the system calls that are left on x86-64 (asm/unistd_64.h). All work on memory, on the process itself or
# on files that are already open; none makes a file, a socket or a process.
_AUDIT_ARCH_X86_64 = 0xC000003E
_LEFT = {
    "read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12,
    "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "pread64": 17, "readv": 19, "writev": 20,
    "sched_yield": 24, "mremap": 25, "madvise": 28, "getpid": 39, "exit": 60, "sigaltstack": 131, "gettid": 186,
    "futex": 202, "sched_getaffinity": 204, "clock_gettime": 228, "exit_group": 231, "getrandom": 318, "rseq": 334,
}  # fmt: skip
# Classic BPF (linux/bpf_common.h, linux/seccomp.h).
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050001, 0x80000000  # refuse: the call fails with EPERM
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4  # in struct seccomp_data


def enter(cpu_s: int, memory_bytes: int) -> dict[Protection, bool]:
    """Give up all that can be given up, for good. To be called with one thread, once every library is loaded.

    Args:
        cpu_s: seconds of CPU time, in all, after which the process is killed.
        memory_bytes: what it may allocate beyond what is in use now.

    Returns:
        For each protection whether it is in force.
    """
    in_use = _memory_in_use()
    network = leave_network()
    die_with_parent()
    limits = limit_resources(cpu_s, in_use + memory_bytes)
    privileges = give_up_privileges()
    return {
        "network": network,
        "limits": limits,
        "privileges": privileges,
        "system_calls": privileges and filter_system_calls(),
    }


def leave_network() -> bool:
    """Have no network but a loopback of its own, which is down. A user namespace also takes root's powers away."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        return any(libc.unshare(spaces) == 0 for spaces in (_CLONE_NEWUSER | _CLONE_NEWNET, _CLONE_NEWNET))
    return False


def die_with_parent() -> None:
    """Be killed when the parent ends, however it does."""
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def give_up_privileges() -> bool:
    """Gain no rights by running another program (set-user-ID, capabilities of files)."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    return _prctl(_PR_GET_NO_NEW_PRIVS) == 1


def limit_resources(cpu_s: int, address_bytes: int) -> bool:
    """No core dump, no byte into a file, no further file or process, no more time and memory than this."""
    # No number is left for a further file or socket: the lowest free one is where the limit lies.
    free = os.dup(0)
    os.close(free)
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_AS: address_bytes,
        resource.RLIMIT_NOFILE: free,
        resource.RLIMIT_NPROC: 0,
    }
    for what, value in wanted.items():
        hard = resource.getrlimit(what)[1]
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (least, least))
    return all(0 <= resource.getrlimit(what)[0] <= value for what, value in wanted.items())


def filter_system_calls() -> bool:
    """Have every system call fail but those of `_LEFT`. Needs `give_up_privileges` first."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    calls = sorted(_LEFT.values())
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_IF_EQUAL, 1, 0, _AUDIT_ARCH_X86_64),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        # A match jumps over the rest of the list and over the refusal.
        *((_JUMP_IF_EQUAL, len(calls) - at, 0, call) for at, call in enumerate(calls)),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(program)))
    mode_filter = 2
    return _prctl(_PR_SET_SECCOMP, mode_filter, ctypes.addressof(head)) == 0


def _memory_in_use() -> int:
    """Bytes of address space."""
    with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123  read once, before files are out of reach
        return int(statm.read().split()[0]) * resource.getpagesize()


def _prctl(what: int, value: int = 0, more: int = 0) -> int:
    """Result of the call; -1 where it fails, or the system has none."""
    with contextlib.suppress(OSError, AttributeError):
        result: int = ctypes.CDLL(None, use_errno=True).prctl(
            what, *(ctypes.c_ulong(each) for each in (value, more, 0, 0))
        )
        return result
    return -1
