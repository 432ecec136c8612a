"""Who connects to whom, seen by the sockets of the instances' processes: past every proxy too."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.runtime import procfs
from harness.runtime.sockets import Address, Phase, Row, held_by, network_of, program_of, read_rows

LOOK_EVERY_S = 0.002
THOROUGH_EVERY = 500
"""Looks."""
_PROXY = "toxiproxy"
_ENDING = ("04", "05", "08")
"""One end has closed: a connection that was seen late."""

_Key = tuple[int, Address, Address]
"""The network that a socket is in, and its ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A kind of connection: from an instance, to an address, held there by an instance or by something else."""

    consumer: str
    """The name of an instance."""
    address: Address
    provider: str = ""
    """The name of an instance; empty when it is none."""
    program: str = ""
    """The program that listens there, when it is on this machine and no instance."""
    answered: bool = True
    """Whether anybody took it."""


@dataclass(slots=True, kw_only=True)
class Sightings:
    """What was seen until now; proxied connections are not among it, since the relay counts those."""

    seen: Counter[Seen] = field(default_factory=Counter)
    ownerless: Counter[str] = field(default_factory=Counter)
    """Instance → connections to it that were over before anybody could tell whose they were."""


class Watch:
    """Looks at the sockets of instances, and remembers each connection once."""

    def __init__(self, instances: Mapping[str, int], *, proxied: frozenset[str], ours: int | None = None) -> None:
        """Watch instances.

        Args:
            instances: the name of each, and its process; those without (0) can't be looked at.
            proxied: those that a relay of ours calls: of the calls that are over, its own can't be told from others'.
            ours: the process whose descendants are the proxies, unless they are instances; this one, when left out.
        """
        self._instances = {name: pid for name, pid in instances.items() if pid}
        self._proxied = proxied
        self._ours = os.getpid() if ours is None else ours
        self._own_network = network_of("self")
        self._known: set[_Key] = set()
        self._asking: dict[_Key, Seen] = {}
        self._holders: dict[int, int] = {}
        self._trees: dict[int, str] = {}
        """The processes of instances."""
        self._proxies: set[int] = set()
        """Our own processes, and what they have started, unless it is an instance's."""
        self._first = True
        self._wanted = False
        self.looks = 0
        """That were begun."""
        self.waited_for: frozenset[str] = frozenset()
        """The instances that had not read all that was sent to them, at the last look."""
        self.sightings = Sightings()

    def look(self) -> None:
        """Look once; now and then at what is over, too, which the kernel keeps for a minute."""
        thorough = self.looks % THOROUGH_EVERY == 0 or self._wanted
        self._wanted = False
        self.looks += 1
        self._look(thorough=thorough)

    def look_thoroughly(self) -> None:
        """Let the next look be one at what is over, too."""
        self._wanted = True

    def _look(self, *, thorough: bool) -> None:
        homes: dict[int, list[str]] = {}
        for name, pid in self._instances.items():
            network = network_of(pid)
            if network is not None:
                homes.setdefault(network, []).append(name)
        tables = {network: read_rows(self._instances[names[0]], over=thorough) for network, names in homes.items()}
        fresh = {(network, row.here, row.there): row for network, table in tables.items() for row in table}
        if thorough:
            self._known &= fresh.keys()
        ports = {network: _listening(table) for network, table in tables.items()}
        self.waited_for = frozenset(self._waited_for(tables, ports))
        callers = [key for key in fresh if key not in self._known and key[1].port not in ports[key[0]]]
        self._refresh([fresh[key].inode for key in callers if fresh[key].inode])
        for key in callers:
            network = key[0]
            names = homes[network]
            alone = names[0] if len(names) == 1 and network != self._own_network else None
            self._take(key, fresh[key], alone, ports[network], tables)
        for key in [key for key in self._asking if key not in fresh]:
            self.sightings.seen[self._asking.pop(key)] += 1
        self._first = False

    def _waited_for(
        self, tables: Mapping[int, list[Row]], ports: Mapping[int, Mapping[int, list[Row]]]
    ) -> Iterator[str]:
        for network, table in tables.items():
            for row in table:
                for listener in ports[network].get(row.here.port, ()) if row.unread else ():
                    name = self._trees.get(self._holders.get(listener.inode, 0))
                    if name is not None:
                        yield name

    def end(self) -> Sightings:
        """Look a last time; what nobody has answered until now is taken as unanswered."""
        self._look(thorough=True)
        self.sightings.seen.update(self._asking.values())
        self._asking.clear()
        return self.sightings

    def _take(
        self,
        key: _Key,
        row: Row,
        alone: str | None,
        ports: Mapping[int, list[Row]],
        tables: Mapping[int, list[Row]],
    ) -> None:
        """Remember a socket of whoever has connected, if it is an instance's."""
        consumer = alone or self._trees.get(self._holders.get(row.inode, 0))
        target = next((each for each in ports.get(row.there.port, ()) if _takes(each, row)), None)
        if row.state == Phase.ASKING and target is None:
            if consumer is not None:
                self._asking[key] = Seen(consumer=consumer, address=row.there, answered=False)
            return
        self._asking.pop(key, None)
        self._known.add(key)
        if consumer is None:
            self._ownerless(row, target)
        elif row.state in {Phase.OPEN, Phase.ASKING, *_ENDING} or alone:
            self._count(consumer, row, target or _peer(row, tables))

    def _count(self, consumer: str, row: Row, peer: Row | None) -> None:
        """Note where an instance has connected to, unless a proxy of ours took it."""
        holder = self._holder(peer.inode) if peer is not None else None
        provider = self._trees.get(holder or 0, "")
        if holder is not None and not provider and self._is_proxy(holder):
            return
        program = program_of(holder) if holder is not None and not provider else ""
        if not provider or _service(provider) != _service(consumer):
            self.sightings.seen[Seen(consumer=consumer, address=row.there, provider=provider, program=program)] += 1

    def _ownerless(self, row: Row, target: Row | None) -> None:
        """A call to an instance, of which nobody can tell whose it was."""
        if target is None or self._first:
            return
        provider = self._trees.get(self._holders.get(target.inode, 0), "")
        if provider and provider not in self._proxied and self._holder(row.inode) is None:
            self.sightings.ownerless[provider] += 1

    def _refresh(self, inodes: Sequence[int]) -> None:
        """See anew who holds these sockets; the processes themselves are asked for only if that does not tell."""
        if self._first or any(inode not in self._holders for inode in inodes):
            self._holders = held_by([*self._trees, *self._proxies])
        if self._first or any(inode not in self._holders for inode in inodes):
            self._refresh_trees()
            self._holders = held_by([*self._trees, *self._proxies])

    def _refresh_trees(self) -> None:
        """See anew which processes belong to instances, and which are ours."""
        roots = dict.fromkeys([self._ours], "") | {pid: name for name, pid in self._instances.items()}
        above = procfs.parents()
        self._trees, self._proxies = {}, {self._ours}
        for pid in above:
            current, steps = pid, 0
            while current not in roots and current in above and steps < len(above):
                current, steps = above[current], steps + 1
            if roots.get(current):
                self._trees[pid] = roots[current]
            elif current in roots:
                self._proxies.add(pid)

    def _holder(self, inode: int) -> int | None:
        """The process that holds a socket, whosever it is."""
        if inode and inode not in self._holders:
            others = (pid for pid in procfs.pids() if pid not in self._trees)
            self._holders = {**held_by(others), **self._holders}
        return self._holders.get(inode) if inode else None

    def _is_proxy(self, pid: int) -> bool:
        return pid in self._proxies or program_of(pid).startswith(_PROXY)


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Look all the time, in a thread, while the body runs."""
    over = threading.Event()
    watch.look()

    def go_on() -> None:
        while not over.wait(LOOK_EVERY_S):
            watch.look()

    thread = threading.Thread(target=go_on, name="connections", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _listening(table: list[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in table:
        if row.state == Phase.LISTENING:
            found.setdefault(row.here.port, []).append(row)
    return found


def _takes(listener: Row, caller: Row) -> bool:
    """Whether the listener, in the same network, is where the caller has connected to."""
    if listener.here.host == caller.there.host:
        return True
    here = caller.here.host == caller.there.host or caller.there.host.startswith("127.") or caller.there.host == "::1"
    return listener.here.wild and here


def _peer(row: Row, tables: Mapping[int, list[Row]]) -> Row | None:
    """The other end, wherever it is; addresses may have been rewritten on the way, but not the caller's own."""
    ends = [each for table in tables.values() for each in table if each.there == row.here and each.inode]
    return next((each for each in ends if each.here == row.there), ends[0] if ends else None)


def _service(instance: str) -> str:
    return instance.rpartition("-")[0]
