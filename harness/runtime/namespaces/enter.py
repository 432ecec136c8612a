"""The launcher of a service: it enters its room, lays the room's files over those of the machine, and becomes it.

`enter KEEPER_DIRECTORY ROOM -- COMMAND...`, standard library only. It keeps its pid, so that whoever started it goes on
owning the service.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

from harness.runtime.namespaces import kernel
from harness.runtime.namespaces.files import CACHES, FILES, SOCKET
from harness.runtime.namespaces.passing import KeeperError, ask, connect_to
from harness.runtime.offspring import die_with_parent

BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from harness.runtime.namespaces.enter import main; main()"
"""Runs `main` in a Python that looks at nothing of the service's: `python -I -S -c BOOT PACKAGE_ROOT ...`."""
COULD_NOT_ENTER = 125
COULD_NOT_RUN = 127


def enter(directory: str, room: str) -> None:
    """Be in the room of that name from now on.

    Raises:
        OSError: if the kernel refuses.
        KeeperError: if the keeper does.
    """
    with connect_to(directory, SOCKET) as asking:
        told, (network, *user) = ask(asking, {"do": "enter", "room": room})
    del told
    if user:
        kernel.join(user[0], kernel.NEW_USER)
    kernel.join(network, kernel.NEW_NETWORK)
    kernel.unshare(kernel.NEW_MOUNTS)
    kernel.keep_mounts_private()
    for name, target in FILES.items():
        if os.path.exists(target):  # noqa: PTH110 -- pathlib costs a start
            kernel.bind_file(f"{directory}/{room}/{name}", target)
    for target in CACHES:
        if os.path.isdir(target):  # noqa: PTH112 -- as above
            kernel.mount_nothing(target)
    for descriptor in (network, *user):
        os.close(descriptor)


def environment() -> dict[bytes, bytes]:
    """What we were started with: Python itself adds to its own."""
    with open("/proc/self/environ", "rb") as file:  # noqa: PTH123 -- as above
        entries = [entry.partition(b"=") for entry in file.read().split(b"\0") if entry]
    return {name: value for name, _, value in entries}


def main() -> NoReturn:
    """Enter, and become the command."""
    _code, _root, directory, room, _, *command = sys.argv
    parent = os.getppid()
    try:
        enter(directory, room)
    except (OSError, KeeperError) as error:
        sys.stderr.write(f"the harness could not enter the namespaces of {room}: {error}\n")
        sys.stderr.flush()
        os._exit(COULD_NOT_ENTER)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
        signal.signal(number, signal.SIG_DFL)
    die_with_parent(parent)
    try:
        os.execvpe(command[0], command, environment())  # noqa: S606 -- no shell is wanted
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.stderr.flush()
    os._exit(COULD_NOT_RUN)
