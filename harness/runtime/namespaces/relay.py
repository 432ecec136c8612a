"""The relay of a run in namespaces: its lines also listen where their consumers look for them.

`python -m harness.runtime.namespaces.relay CONFIG KEEPER_DIRECTORY`. The keeper makes the sockets, in the rooms and in
the hall, and hands them over; that they are of other networks matters only to who connects. A line that is told to
refuse refuses on all of them. Standard library only.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from harness.proxy.counted import TOLD, Address, CountedLine
from harness.proxy.relay import Relay, RelayConfig, RelayLine, run
from harness.runtime.namespaces.files import SOCKET
from harness.runtime.namespaces.passing import KeeperError, ask, connect_to


class Opening(CountedLine):
    """One more listener of a line."""

    def __init__(self, line: CountedLine, listener: socket.socket, *, to: Address, now: Callable[[], float]) -> None:
        super().__init__(name=line.name, protocol="", listen=listener.getsockname(), to=to, now=now)
        self._listener.close()
        self._listener = listener
        self._listener.setblocking(False)  # noqa: FBT003 -- the standard library's signature
        self.count = line.count
        self.bent = line.bent


class OpenedLine(CountedLine):
    """A line with more listeners."""

    def __init__(self, line: RelayLine, openings: list[socket.socket], now: Callable[[], float]) -> None:
        to = (line.to_host, line.to)
        super().__init__(name=line.name, protocol=line.protocol, listen=(line.host, line.listen), to=to, now=now)
        self._openings = [Opening(self, each, to=to, now=now) for each in openings]

    def accept(self, by: str = TOLD) -> None:
        """See `CountedLine`."""
        super().accept(by)
        for opening in self._openings:
            opening.accept(by)

    def turn_away(self, by: str = TOLD) -> None:
        """See `CountedLine`."""
        super().turn_away(by)
        for opening in self._openings:
            opening.turn_away(by)

    def close(self) -> None:
        """See `CountedLine`."""
        super().close()
        for opening in self._openings:
            opening.close()


class RelayOfRooms(Relay):
    """Asks the keeper for the listeners of each line."""

    def __init__(self, config: RelayConfig, keeper: socket.socket) -> None:
        super().__init__(config)
        self._keeper = keeper

    def _line_of(self, line: RelayLine) -> CountedLine:
        try:
            _, descriptors = ask(self._keeper, {"do": "openings", "line": line.name})
        except KeeperError as error:
            raise OSError(0, str(error)) from error
        return OpenedLine(line, [socket.socket(fileno=each) for each in descriptors], self._now)


def main(arguments: list[str]) -> int:
    """Run the relay."""
    with contextlib.closing(connect_to(arguments[1], SOCKET)) as keeper:
        return run(RelayOfRooms(RelayConfig.read(Path(arguments[0])), keeper))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
