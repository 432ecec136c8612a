"""What is said when a runtime can't do what a fault asks of it."""

from __future__ import annotations

from harness.errors import HarnessError


class Unable(HarnessError):  # noqa: N818 -- what the runtime is
    """The runtime lacks an ability; nothing was touched."""

    def __init__(self, kind: str, ability: str) -> None:
        super().__init__(f"the fault {kind!r} needs a runtime that can {ability}; this one can't: choose another fault")
