"""What makes a provider of an unknown protocol speak: learned by asking it directly, past every proxy.

A probe must tell a provider that is well from one behind a fault, whatever it speaks. So it is asked in many
protocols at once, each on a connection of its own, and what it does then is the answer that probes expect of it:
bytes at best; else that it hangs up, or only that it keeps the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import Callable, Mapping
from dataclasses import replace

from harness.clock import Clock
from harness.proxy.probe import TALKS, Life, Outcome, Question, Talk, probe

LISTEN_S = 0.3
"""How long a provider is listened to, for its greeting and for each of its answers."""
PATIENT_S = 2.0
"""How long those are listened to once more that said nothing, before it is believed that they say nothing."""
HTTP_WITHIN_S = 2.0

_PING_FRAME = b"\x00\x00\x08\x06\x00\x00\x00\x00\x00harness!"
_H2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + _PING_FRAME


def _hello_of_tls() -> bytes:
    """How a client of TLS begins, whoever it speaks to."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


def _hello_of_mongo() -> bytes:
    asked = b"\x10hello\0" + struct.pack("<i", 1) + b"\x02$db\0" + struct.pack("<i", 6) + b"admin\0\0"
    body = struct.pack("<iB", 0, 0) + struct.pack("<i", len(asked) + 4) + asked
    return struct.pack("<iiii", len(body) + 16, 1, 0, 2013) + body


OPENERS: Mapping[str, bytes] = {
    "http": b"GET / HTTP/1.1\r\nHost: harness\r\nUser-Agent: harness-probe\r\n\r\n",
    "amqp": b"AMQP\x00\x00\x09\x01",
    "redis": b"PING\r\n",
    "postgres": b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
    "mysql": b"\x01\x00\x00\x01\x00",
    "h2": _H2,
    "tls": _hello_of_tls(),
    "mongodb": _hello_of_mongo(),
    "kafka": struct.pack(">ihhih", 17, 18, 0, 1, 7) + b"harness",
    "mqtt": b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00",
    "cassandra": b"\x04\x00\x00\x00\x05\x00\x00\x00\x00",
    "zookeeper": b"srvr",
}
"""The first words of a client of each protocol, in the order in which an answer to them is believed."""


_WHOLE: Mapping[str, Callable[[bytes], bool]] = {
    "http": lambda data: data.startswith(b"HTTP/"),
    "h2": lambda data: bool(data) and not data.startswith(b"HTTP/"),
}
"""What else than any byte is an answer: a server of HTTP/1.1 answers the words of HTTP/2 too, by refusing them."""


def _talk(opener: str, *, greets: bool) -> Talk:
    def ask(turn: int, _question: Question) -> bytes:
        return _PING_FRAME if opener == "h2" and turn else OPENERS[opener]

    whole = _WHOLE.get(opener, bool)
    return Talk(ask=ask, whole=whole, greeting=bool if greets else None)


GREETING_ONLY = Talk(ask=lambda _turn, _question: b"", whole=bool, greeting=bool, life=Life.GREETS)


async def learn(host: str, port: int, *, clock: Clock) -> Talk | None:
    """How a provider is asked for a sign of life; None when it takes no connection now."""
    heard = await _outcome(host, port, GREETING_ONLY, LISTEN_S, clock)
    if heard is Outcome.REFUSED:
        return None
    greets = heard is Outcome.ANSWERED
    talks = [_talk(opener, greets=greets) for opener in OPENERS]
    found = await asyncio.gather(*(_outcome(host, port, talk, LISTEN_S, clock) for talk in talks))
    if Outcome.ANSWERED not in found and Outcome.SILENT in found:  # it may be slow, or cold, or its machine busy
        found = await asyncio.gather(*(_outcome(host, port, talk, PATIENT_S, clock) for talk in talks))
    for talk, outcome in zip(talks, found, strict=True):
        if outcome is Outcome.ANSWERED:
            return talk
    if greets:
        return GREETING_ONLY
    for end, life in ((Outcome.CLOSED, Life.HANGS_UP), (Outcome.RESET, Life.RESETS)):
        for talk, outcome in zip(talks, found, strict=True):
            if outcome is end:
                return replace(talk, life=life)
    return replace(talks[0], life=Life.KEEPS)


async def _outcome(host: str, port: int, talk: Talk, within_s: float, clock: Clock) -> Outcome:
    return (await probe(port, talk, Question(within_s=within_s), clock=clock, host=host)).outcome


class Manners:
    """How the providers of a mesh are asked, each learned once, when it is first probed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[str, int], Talk] = {}
        self._learning: dict[tuple[str, int], asyncio.Lock] = {}

    async def talk(self, protocol: str, host: str, port: int) -> Talk:
        """How to speak to the provider at that place, of which `protocol` is told.

        One that is said to speak HTTP may speak HTTP/2 only: then that is learned as well.
        """
        if protocol not in ("tcp", "http"):
            return TALKS[protocol]
        place = host, port
        learning = self._learning.setdefault(place, asyncio.Lock())
        asked_just_now = learning.locked()  # who waits for that takes what came of it
        async with learning:
            if place not in self._known and not asked_just_now:
                talk = await self._learn(protocol, host, port)
                if talk is not None:
                    self._known[place] = talk
        return self._known.get(place, TALKS[protocol])

    async def _learn(self, protocol: str, host: str, port: int) -> Talk | None:
        if protocol == "http":
            question = Question(within_s=HTTP_WITHIN_S)
            seen = await probe(port, TALKS["http"], question, clock=self._clock, host=host)
            if seen.outcome is Outcome.ANSWERED and seen.begins.startswith(b"HTTP/1."):
                return TALKS["http"]
            if seen.outcome in {Outcome.REFUSED, Outcome.SILENT} and not seen.begins:
                return None  # it is dead, frozen or slow: that says nothing of what it speaks
        return await learn(host, port, clock=self._clock)
