"""One request and its answer, as the HTTP stage sees them pass."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import h11

from harness.model.changes import AnswerRule
from harness.model.exchange_rules import Broken, Deed, Dropped, Drops, Instead, Later, Retyped, Twice
from harness.proxy.alterations import (
    WITHOUT_BODY,
    broken,
    changed,
    decoded,
    fixed,
    message_of,
    retyped,
    without,
)

if TYPE_CHECKING:
    from harness.proxy.stage import Fault

KEPT_BYTES = 128 << 10
"""Of a body that is told of."""

Headers = list[tuple[bytes, bytes]]


@dataclass(eq=False, slots=True, kw_only=True)
class Exchange:
    """What is known of the request under way and of its answer."""

    method: str = ""
    path: str = ""
    request_headers: Headers = field(default_factory=list)
    request_body: bytearray = field(default_factory=bytearray)
    request: bytearray = field(default_factory=bytearray)
    """All its bytes, of one that is delivered twice."""
    closes: bool = False
    """The consumer wants the connection to end after it."""
    expects: bool = False
    """The consumer waits for leave to send the body."""
    asked: bool = False
    """The request's head is whole."""
    whole: bool = False
    """The request is."""
    rule: AnswerRule | None = None
    fault: Fault | None = None
    answer: h11.Response | None = None
    body: bytearray = field(default_factory=bytearray)
    first: bytes | None = None
    """The first answer, of a request that was delivered twice."""
    cut: bool = False
    unchanged: str = ""

    @property
    def deed(self) -> Deed | None:
        """What is to be done to it."""
        return self.fault.rule.deed if self.fault is not None else None

    @property
    def spared(self) -> bool:
        """Whether the provider does not get the request."""
        return isinstance(self.deed, Instead) and not self.deed.asked

    @property
    def held_back(self) -> bool:
        """Whether the answer waits until it is whole."""
        return self.rule is not None or (self.fault is not None and not isinstance(self.deed, Later))

    @property
    def provider_closes(self) -> bool:
        """Whether the connection ends after the answer."""
        if self.answer is None:
            return True
        said = self.answer_header("connection").lower()
        framed = bool(self.answer_header("content-length") or self.answer_header("transfer-encoding"))
        without = self.method == "HEAD" or self.answer.status_code in WITHOUT_BODY
        old = self.answer.http_version == b"1.0"
        return "close" in said or not (framed or without) or (old and "keep-alive" not in said)

    def ask(self, request: h11.Request) -> None:
        """The head of the request is there."""
        self.method, self.path = request.method.decode(), request.target.decode("latin-1")
        self.request_headers = request.headers.raw_items()
        headers = by_name(self.request_headers)
        said = headers.get("connection", "").lower()
        self.closes = "close" in said or (request.http_version == b"1.0" and "keep-alive" not in said)
        self.expects = "100-continue" in headers.get("expect", "").lower()
        self.asked = True

    def answer_header(self, name: str) -> str:
        """A header of the answer; empty when there is none."""
        return by_name(self.answer.headers.raw_items()).get(name, "") if self.answer is not None else ""


def altered(exchange: Exchange, answer: h11.Response, raw: bytes) -> tuple[bytes, bytes]:  # noqa: PLR0911 -- one for each deed
    """What the consumer gets instead of an answer, and its body; raises ValueError when it is to pass as it is.

    Args:
        exchange: with the rule or the fault that means it.
        answer: the head of the provider's.
        raw: all its bytes.
    """
    headers, body = by_name(answer.headers.raw_items()), bytes(exchange.body)
    if exchange.rule is not None:
        return _by_rule(exchange, answer, exchange.rule)
    match exchange.deed:
        case Instead(answer=instead):
            return fixed(instead, _connection(answer), exchange.method)
        case Broken(how=how):
            return broken(answer, body, headers, how)
        case Retyped(content_type=content_type):
            return retyped(answer, body, headers, content_type)
        case Dropped(path=path):
            return without(answer, body, headers, path)
        case Drops():
            return _dropping(answer, raw, body)
        case Twice(second=second):
            return raw if second else exchange.first or raw, body
        case _:
            message = "nothing is to be done to it"
            raise ValueError(message)


def _by_rule(exchange: Exchange, answer: h11.Response, rule: AnswerRule) -> tuple[bytes, bytes]:
    if rule.instead is not None:
        return fixed(rule.instead, _connection(answer), exchange.method)
    if exchange.method == "HEAD" or answer.status_code in WITHOUT_BODY:
        message = f"an answer {answer.status_code} to {exchange.method} has no body"
        raise ValueError(message)
    return changed(answer, bytes(exchange.body), by_name(answer.headers.raw_items()), rule)


def _dropping(answer: h11.Response, raw: bytes, body: bytes) -> tuple[bytes, bytes]:
    if not body:
        message = "its body is empty"
        raise ValueError(message)
    if b"\r\n\r\n" in raw:
        return raw, body
    return message_of(answer.status_code, answer.reason, answer.headers.raw_items(), body), body


def _connection(answer: h11.Response) -> Headers:
    return [(name, value) for name, value in answer.headers.raw_items() if name.lower() == b"connection"]


def row_of(exchange: Exchange, t: float, served: bytes | None) -> dict[str, object]:
    """What is told of an exchange."""
    answer = exchange.answer
    headers = answer.headers.raw_items() if answer else []
    body, cut = bytes(exchange.body), exchange.cut
    try:
        body = decoded(body, by_name(headers).get("content-encoding", ""))
    except (ValueError, zlib.error, EOFError, OSError):
        cut = True
    cut = cut or len(body) > KEPT_BYTES or (served is not None and len(served) > KEPT_BYTES)
    return {
        "t": t,
        "method": exchange.method,
        "path": exchange.path,
        "request_headers": _texts(exchange.request_headers),
        "request_body": _base64(bytes(exchange.request_body)),
        "status": answer.status_code if answer else 0,
        "headers": _texts(headers),
        "body": _base64(body),
        "cut": cut,
        "served": None if served is None else _base64(served),
        "unchanged": exchange.unchanged,
    }


def kept(into: bytearray, data: bytes | bytearray, limit: int) -> bool:
    """Add to what is kept; whether all of it had room."""
    room = limit - len(into)
    into += data[:room]
    return len(data) <= room


def by_name(headers: Headers) -> dict[str, str]:
    """Headers by their names in lower case."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _texts(headers: Headers) -> list[list[str]]:
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]


def _base64(body: bytes) -> str:
    return base64.b64encode(body[:KEPT_BYTES]).decode()
