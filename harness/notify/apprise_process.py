"""The process that talks to Apprise: takes what to tell from its standard input, ends with what came of it.

It imports nothing of ours, since it is started as a file of its own.
"""

from __future__ import annotations

import json
import sys

TOLD = 0
NOT_TOLD = 3
MISSING = 4
NO_ADDRESS = 5
MOST_ASKED_CHARS = 64 * 1024


def main() -> int:
    """What came of it, as an exit code."""
    try:
        from apprise import Apprise  # type: ignore[import-not-found, unused-ignore]  # an extra
    except ImportError:
        return MISSING
    asked = json.loads(sys.stdin.read(MOST_ASKED_CHARS))
    apprise = Apprise()
    # One that it does not know keeps nobody from hearing of it by the others.
    known = [apprise.add(address) for address in asked["addresses"]]
    told = any(known) and apprise.notify(title=asked["title"], body=asked["body"], notify_type=asked["type"])
    if not all(known):
        return NO_ADDRESS
    return TOLD if told else NOT_TOLD


if __name__ == "__main__":
    sys.exit(main())
