"""Who belongs to a fleet of generators."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from harness.load.clocks import DOUBT_LIMIT_S
from harness.load.fleet_wire import Hello, digest_of, heard
from harness.load.wire import Begin


@dataclass(slots=True, kw_only=True)
class Member:
    """One worker that was welcomed."""

    client: str
    """By which Locust knows it."""
    name: str
    index: int
    hello: Hello
    begin: Begin
    ready: bool = False
    lost: bool = False
    told_until: int = 0
    """The second before which its own rows were told."""


class Members:
    """Welcomes as many workers as were asked for, and names those that have no name."""

    def __init__(self, begin: Begin, *, workers: int, text: bytes) -> None:
        self._begin = begin
        self._workers = workers
        self._digest = digest_of(text)
        self._members: dict[str, Member] = {}

    @property
    def complete(self) -> bool:
        """Whether all are there, and have loaded what they are to load."""
        return len(self._members) == self._workers and all(member.ready for member in self._members.values())

    def welcome(self, client: str, said: object) -> Member | str:
        """Take in whoever says hello, or tell why not."""
        hello = heard(said)
        if isinstance(hello, str):
            return hello
        whose = f"a worker on {hello.machine} (process {hello.pid})"
        if client in self._members:
            return f"{whose} said hello twice"
        if len(self._members) >= self._workers:
            return f"{whose} is one too many: all {self._workers} are there"
        if hello.digest and hello.digest != self._digest and not self._begin.steps:
            return (
                f"{whose} has another locustfile than this master; give it the same, or none, and it gets the master's"
            )
        index = self._place(hello.name)
        name = hello.name or str(index + 1)
        if any(member.name == name for member in self._members.values()):
            return f"{whose} calls itself {name!r}, and so does another"
        member = Member(client=client, name=name, index=index, hello=hello, begin=self._share(index, name))
        self._members[client] = member
        return member

    def of(self, client: str) -> Member | None:
        """Who it is that Locust knows by that id; None when it was not welcomed."""
        return self._members.get(client)

    def named(self, name: str) -> Member | None:
        """Who has that name."""
        return next((member for member in self._members.values() if member.name == name), None)

    def alive(self) -> list[Member]:
        """Those at work, in the order in which they came."""
        return [member for member in self._members.values() if not member.lost]

    def lost(self) -> list[Member]:
        """Those that are gone before the end."""
        return [member for member in self._members.values() if member.lost]

    def doubts(self, member: Member, boot: str) -> list[str]:
        """What a reader must know of a worker that has just got ready; `boot` tells this machine."""
        hello = member.hello
        found = []
        if hello.clock_doubt_s > DOUBT_LIMIT_S:
            found.append(
                f"the clock of worker {member.name} on {hello.machine} is known to {hello.clock_doubt_s * 1000:.0f} ms "
                "only: its latencies are right, and its seconds may be off by as much"
            )
        if hello.boot != boot and all(_is_loopback(host) for host in self._begin.hosts):
            found.append(
                f"worker {member.name} runs on another machine ({hello.machine}), and {self._begin.hosts[0]} is its own"
            )
        return found

    def _place(self, name: str) -> int:
        """The share of whoever has a number for a name, else the first that is free."""
        free = [index for index in range(self._workers) if all(index != each.index for each in self._members.values())]
        wanted = int(name) - 1 if name.isdecimal() else -1
        return wanted if wanted in free else free[0]

    def _share(self, index: int, name: str) -> Begin:
        """What this one is to load: its arrivals, and its part of the places, of which the first have one more."""
        pool, rest = divmod(self._begin.pool, self._workers)
        return replace(self._begin, worker=index, workers=self._workers, name=name, pool=max(pool + (index < rest), 1))


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
