"""One of several generators: `python -m harness.load.fleet_worker --join HOST:PORT [--name …] [--directory …]`.

It loads what the master says, and ends when the master does.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Patch first, since gevent must replace sockets and locks before anybody has taken one; then join."""
    from gevent import monkey

    monkey.patch_all()
    from harness.load.joining import Joining, join

    parser = argparse.ArgumentParser()
    parser.add_argument("--join", required=True)
    parser.add_argument("--name", default="")
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--locustfile", type=Path)
    given = parser.parse_args()
    host, _, port = given.join.rpartition(":")
    return join(
        Joining(host=host, port=int(port), name=given.name, directory=given.directory, locustfile=given.locustfile)
    )


if __name__ == "__main__":
    sys.exit(main())
