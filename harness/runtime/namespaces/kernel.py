"""Namespaces as the kernel offers them; standard library only, since the launcher of each service uses it."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator

NEW_MOUNTS = 0x0002_0000
NEW_USER = 0x1000_0000
NEW_NETWORK = 0x4000_0000

_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_PRIVATE = 1 << 18

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Leave namespaces for new ones; raises OSError."""
    if _libc.unshare(flags):
        _fail("unshare")


def join(descriptor: int, kind: int) -> None:
    """Enter the namespace that a descriptor holds; raises OSError."""
    if _libc.setns(descriptor, kind):
        _fail("setns")


@contextlib.contextmanager
def inside(network: int, home: int) -> Iterator[None]:
    """Be in a network namespace for a while; sockets that are made meanwhile stay there."""
    join(network, NEW_NETWORK)
    try:
        yield
    finally:
        join(home, NEW_NETWORK)


def open_network() -> int:
    """A descriptor that keeps the network namespace we are in alive."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def open_user() -> int:
    """A descriptor of the user namespace we are in."""
    return os.open("/proc/thread-self/ns/user", os.O_RDONLY | os.O_CLOEXEC)


def keep_mounts_private() -> None:
    """What is mounted from now on is seen here only; raises OSError."""
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)


def bind_file(source: str, target: str) -> None:
    """Lay a file over another; raises OSError."""
    _mount(source, target, "", _MS_BIND)


def mount_nothing(target: str) -> None:
    """Lay an empty directory over another; raises OSError."""
    _mount("none", target, "tmpfs", 0)


def _mount(source: str, target: str, kind: str, flags: int) -> None:
    if _libc.mount(source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), None):
        _fail(f"mount on {target}")


def _fail(what: str) -> None:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number), what)
