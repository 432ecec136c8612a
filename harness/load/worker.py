"""The process that generates the load: `python -m harness.load.worker [DIRECTORY]`, started by the driver.

It reads commands from the socket in that directory and ends when the driver hangs up. Without a directory it is told
on its standard input where that is, when it has imported everything: see `harness.load.warm`.
"""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Patch first, since gevent must replace sockets and locks before anybody has taken one; then serve."""
    gc.disable()  # what is imported stays: to look through it again and again is time until the first request
    named = sys.argv[1:]
    if not named:
        _end_with_parent()
    from gevent import monkey

    monkey.patch_all()
    from harness.load.pages_later import put_off

    put_off()
    from harness.load.serving import serve

    if not named:
        from harness.load.wire import understand

        understand()
    gc.freeze()
    gc.enable()
    directory = named[0] if named else _told()
    return serve(directory) if directory else 0


def _end_with_parent() -> None:
    """No supervisor sees to it."""
    import ctypes
    import signal

    set_death_signal = 1
    ctypes.CDLL(None, use_errno=True).prctl(set_death_signal, int(signal.SIGKILL), 0, 0, 0)


def _told() -> str:
    """The directory of the driver, whose log takes what is said from now on; nothing when nobody wants anything."""
    import json
    import os

    line = sys.stdin.buffer.readline()
    if not line:
        return ""
    told: dict[str, str] = json.loads(line)
    log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for standard in (1, 2):
        os.dup2(log, standard)
    os.close(log)
    return told["directory"]


if __name__ == "__main__":
    sys.exit(main())
