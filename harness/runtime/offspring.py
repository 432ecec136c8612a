"""How a child of the supervisor comes to life: forked, cut loose from its surroundings, tied to its parent's life.

Standard library only. Call it from processes with one thread, and from no other.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
from collections.abc import Mapping, Sequence
from typing import NoReturn

ZYGOTE_FD = 3
"""Where a zygote finds its end of the socket pair."""

NAME_LIMIT = 15

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


class _CapHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapData(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


class SpawnError(Exception):
    """The program could not be started; the message is the system's own."""


def prctl(option: int, *arguments: int) -> bool:
    """Set an attribute of this process; says whether the kernel did."""
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    return bool(_libc.prctl(option, *padded) == 0)


def become_subreaper() -> None:
    """From now on orphans among our descendants become our children."""
    if not prctl(_PR_SET_CHILD_SUBREAPER, 1):
        message = "the kernel refuses PR_SET_CHILD_SUBREAPER"
        raise OSError(ctypes.get_errno(), message)


def die_with_parent(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Be signalled when the parent dies; ends this process when that has happened already."""
    prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def set_name(name: str) -> None:
    """The name that `ps` and `top` show for this process."""
    buffer = ctypes.create_string_buffer(name.encode()[:NAME_LIMIT])
    _libc.prctl(_PR_SET_NAME, buffer, 0, 0, 0)


def detach(log: str) -> None:
    """A process group of its own, default signals, no standard input, output and errors appended to `log`."""
    os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.makedirs(os.path.dirname(log), exist_ok=True)  # noqa: PTH103, PTH120 -- pathlib costs the supervisor memory
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def drop_to(user: str) -> None:
    """Become another user, who may still read below directories that only root may enter.

    PostgreSQL refuses to run as root, and its data and its program may well lie below /root.
    """
    entry = pwd.getpwnam(user)
    prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    for capability in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE):
        mask = 1 << capability
        header = _CapHeader(_CAPABILITY_VERSION_3, 0)
        data = (_CapData * 2)(_CapData(mask, mask, mask), _CapData(0, 0, 0))
        if _libc.capset(ctypes.byref(header), data) == 0 and prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability):
            return


def start(  # noqa: PLR0913 -- all that a process has
    command: Sequence[str], *, env: Mapping[str, str], cwd: str | None, log: str, user: str | None, keep: int | None
) -> int:
    """Start a program that dies with this process, and give its pid.

    Args:
        command: the program, searched on the PATH of `env`, and its arguments.
        env: its whole environment.
        cwd: its working directory; ours when None.
        log: the file that its output is appended to.
        user: whom to run as; None leaves it as it is.
        keep: a file descriptor that it finds as `ZYGOTE_FD`.

    Raises:
        SpawnError: if it can't be started.
    """
    parent = os.getpid()
    failure_out, failure_in = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(failure_out)
        _be_child(command, env=env, cwd=cwd, log=log, user=user, keep=keep, parent=parent, failure=failure_in)
    os.close(failure_in)
    with open(failure_out, encoding="utf-8") as pipe:  # noqa: PTH123 -- a descriptor has no path
        failure = pipe.read()
    if failure:
        os.waitpid(pid, 0)
        raise SpawnError(failure)
    return pid


def _be_child(  # noqa: PLR0913 -- as `start`
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | None,
    log: str,
    user: str | None,
    keep: int | None,
    parent: int,
    failure: int,
) -> NoReturn:
    try:
        if failure == ZYGOTE_FD:
            failure = os.dup(failure)
            os.set_inheritable(failure, False)  # noqa: FBT003 -- the standard library's own
        detach(log)
        if keep is not None:
            os.dup2(keep, ZYGOTE_FD)
            os.set_inheritable(ZYGOTE_FD, True)  # noqa: FBT003 -- for the case that `keep` is that very one
        if cwd is not None:
            os.chdir(cwd)
        if user is not None:
            drop_to(user)
        # After the change of user, which resets it.
        die_with_parent(parent)
        _exec(command, env)
    except BaseException as error:  # noqa: BLE001 -- whatever it is, the parent must hear of it
        os.write(failure, f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(127)


def _exec(command: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    try:
        os.execvpe(command[0], list(command), dict(env))  # noqa: S606 -- no shell is wanted
    except FileNotFoundError as error:
        # The system names the last place that it looked in, which misleads.
        raise FileNotFoundError(error.errno, "no such program, or its interpreter is missing", command[0]) from error
