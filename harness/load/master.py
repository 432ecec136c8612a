"""The process in which Locust's master gathers several generators: `python -m harness.load.master DIRECTORY`.

To the driver it is a generator like any other: it reads commands from the socket in that directory,
and ends when the driver hangs up.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Patch first, since gevent must replace sockets and locks before anybody has taken one; then serve."""
    from gevent import monkey

    monkey.patch_all()
    from harness.load.mastering import serve

    return serve(sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
