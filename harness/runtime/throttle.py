"""Lets a process run only a share of the time: `python -m harness.runtime.throttle PID SHARE`.

As under a quota of the kernel (cgroup's `cpu.max`), but without the rights that takes: in each period the process, with
all that descends from it, runs for a part, and stands still for the rest. It goes on when this ends, and this ends with
it, on SIGTERM, and with the supervisor. Standard library only.
"""

from __future__ import annotations

import os
import select
import signal
import sys

from harness.runtime import procfs
from harness.runtime.leftovers import kill

PERIOD_S = 0.1
"""The kernel's own for a quota."""
LOOK_EVERY = 10
"""Periods: descendants that came meanwhile are found then."""


def main() -> None:
    """Throttle until one of both ends."""
    pid, share = int(sys.argv[1]), float(sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    tree = [pid]
    try:
        ended = os.pidfd_open(pid)
        periods = 0
        while True:
            if periods % LOOK_EVERY == 0:
                tree = [pid, *procfs.descendants(pid)]
            periods += 1
            _send(tree, signal.SIGSTOP)
            if select.select([ended], (), (), PERIOD_S * (1 - share))[0]:
                return
            _send(tree, signal.SIGCONT)
            if select.select([ended], (), (), PERIOD_S * share)[0]:
                return
    except ProcessLookupError:
        return
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _send([*tree, *procfs.descendants(pid)], signal.SIGCONT)


def _send(tree: list[int], number: int) -> None:
    for each in tree:
        kill(each, number)


if __name__ == "__main__":
    main()
