"""The process that generates the load: `python -m harness.load.worker DIRECTORY`, started by the driver.

It reads commands from the socket in that directory and ends when the driver hangs up.
"""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Patch first, since gevent must replace sockets and locks before anybody has taken one; then serve."""
    gc.disable()  # what is imported stays: to look through it again and again is time until the first request
    from gevent import monkey

    monkey.patch_all()
    from harness.load.serving import serve

    gc.freeze()
    gc.enable()
    return serve(sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
