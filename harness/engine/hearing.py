"""Listening to what is asked and answered on edges, through the HTTP stage of the relay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from harness.engine.session import Session
from harness.model.changes import KeptExchange
from harness.model.fault import EdgeTarget
from harness.model.system import Edge

MOST_KEPT = 20_000
MOST_KEPT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One exchange, and the edge on which it was."""

    edge: str
    exchange: KeptExchange


class Hearing:
    """All exchanges on some edges, from `start` to `stop`."""

    def __init__(self, session: Session, edges: Sequence[Edge]) -> None:
        self._session = session
        self._lines = {
            edge.name: session.deployment.mesh.lines(EdgeTarget(consumer=edge.consumer, provider=edge.provider))
            for edge in edges
        }
        self._heard: list[Heard] = []
        self._bytes = 0
        self.missed = 0
        """Exchanges that nobody had room for."""

    async def start(self) -> None:
        """Listen; connections that were open before are cut. Raises ProxyError where HTTP can't be read."""
        for edge, lines in self._lines.items():
            for line in lines:
                await line.keep(partial(self._hear, edge))

    async def stop(self) -> None:
        """Listen no more."""
        for lines in self._lines.values():
            for line in lines:
                await line.keep(None)

    async def take(self) -> list[Heard]:
        """What was heard since the last time, to the last answer; raises ProxyError when the relay is gone."""
        await self._session.deployment.mesh.flush()
        heard, self._heard, self._bytes = self._heard, [], 0
        return heard

    def _hear(self, edge: str, exchange: KeptExchange) -> None:
        size = len(exchange.body) + len(exchange.request_body) + len(exchange.served or b"")
        if len(self._heard) >= MOST_KEPT or self._bytes + size > MOST_KEPT_BYTES:
            self.missed += 1
            return
        self._bytes += size
        self._heard.append(Heard(edge=edge, exchange=replace(exchange, t=exchange.t - self._session.recorder.began)))
