"""The HTTP stage of a line: it reads exchanges as they pass, and changes the answers that it is told to change.

What it does not change passes byte by byte as it came. The request always reaches the provider; only its answer is
another. Whatever it can't read (TLS, HTTP/2, an upgrade, no HTTP at all) passes unchanged for the rest of the
connection.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import h11

from harness.model.changes import AnswerRule, FixedAnswer, applied

HEAD_LIMIT_BYTES = 64 << 10
BODY_LIMIT_BYTES = 2 << 20
"""Of an answer that is held back to be changed; a longer one passes unchanged."""
KEPT_BYTES = 128 << 10
"""Of a body that is told of."""
PIPELINE_LIMIT_BYTES = 1 << 20
"""Of requests that wait for the answer to the one before them."""
_WITHOUT_BODY = (204, 304)
_SWITCHING = 101
_LENGTHS = (b"content-length", b"transfer-encoding")

Write = Callable[[bytes], object]
Report = Callable[[dict[str, object]], None]


@dataclass(eq=False, slots=True, kw_only=True)
class LineStage:
    """What is to be done on the connections of one line."""

    report: Report
    now: Callable[[], float]
    on: bool = False
    """Whether new connections are read."""
    keep: bool = False
    """Whether every exchange is told of, or only those that a rule means."""
    rules: tuple[tuple[re.Pattern[str], AnswerRule], ...] = ()

    def set(self, rules: tuple[AnswerRule, ...], *, keep: bool) -> None:
        """From now on do this."""
        self.rules = tuple((re.compile(rule.path), rule) for rule in rules)
        self.keep = keep
        self.on = keep or bool(rules)

    def passage(self, *, to_provider: Write, to_consumer: Write) -> Passage:
        """A new connection of the line."""
        return Passage(self, to_provider=to_provider, to_consumer=to_consumer)

    def rule_for(self, method: str, path: str) -> AnswerRule | None:
        """The first rule that means a request."""
        bare = path.partition("?")[0]
        return next((rule for pattern, rule in self.rules if rule.method == method and pattern.fullmatch(bare)), None)


@dataclass(eq=False, slots=True, kw_only=True)
class _Exchange:
    """What is known of the request under way and of its answer."""

    method: str = ""
    path: str = ""
    request_headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    request_body: bytearray = field(default_factory=bytearray)
    asked: bool = False
    """The request's head is whole."""
    whole: bool = False
    """The request is."""
    rule: AnswerRule | None = None
    answer: h11.Response | None = None
    body: bytearray = field(default_factory=bytearray)
    cut: bool = False
    unchanged: str = ""


class Passage:
    """One connection; the bytes of both sides go through it."""

    def __init__(self, stage: LineStage, *, to_provider: Write, to_consumer: Write) -> None:
        self._stage = stage
        self._to_provider = to_provider
        self._to_consumer = to_consumer
        self._raw = False
        self._waiting = b""
        self._held = b""
        self._begin()

    def _begin(self) -> None:
        self._exchange = _Exchange()
        self._requests = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_LIMIT_BYTES)
        self._answers: h11.Connection | None = None

    def up(self, data: bytes) -> None:
        """What the consumer says."""
        if self._raw:
            self._to_provider(data)
            return
        self._waiting += data
        if len(self._waiting) > PIPELINE_LIMIT_BYTES and self._exchange.whole:
            self._lose()
            return
        self._ask()

    def _ask(self) -> None:
        """Pass on the request under way; one that follows waits for its answer."""
        while self._waiting and not self._exchange.whole and not self._raw:
            data, self._waiting = self._waiting, b""
            try:
                rest = self._read_request(data)
            except h11.RemoteProtocolError:
                rest = None
            if rest is None:
                self._to_provider(data)
                self._lose()
                return
            self._waiting = rest
            self._to_provider(data[: len(data) - len(rest)])

    def _read_request(self, data: bytes) -> bytes | None:
        """Read on; gives what belongs to the next request, or None when this is nothing that can be read."""
        exchange, parser = self._exchange, self._requests
        parser.receive_data(data)
        while True:
            event = parser.next_event()
            match event:
                case h11.Request():
                    names = {name.lower() for name, _ in event.headers}
                    if event.http_version not in {b"1.0", b"1.1"} or event.method == b"CONNECT" or b"upgrade" in names:
                        return None
                    exchange.method, exchange.path = event.method.decode(), event.target.decode("latin-1")
                    exchange.request_headers = event.headers.raw_items()
                    exchange.rule = self._stage.rule_for(exchange.method, exchange.path)
                    exchange.asked = True
                case h11.Data():
                    self._keep(exchange.request_body, event.data, KEPT_BYTES)
                case h11.EndOfMessage():
                    exchange.whole = True
                    return parser.trailing_data[0]
                case _:
                    return b""

    def down(self, data: bytes) -> None:
        """What the provider says."""
        if self._raw:
            self._to_consumer(data)
            return
        if not self._exchange.asked:
            self._to_consumer(data)
            self._lose()
            return
        self._held += data
        self._hear(data)

    def _hear(self, data: bytes) -> None:
        """Read on in the answer; what must not wait is passed on."""
        if self._answers is None:
            self._answers = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT_BYTES)
            self._answers.send(h11.Request(method=self._exchange.method, target="/", headers=[("Host", "x")]))
            self._answers.send(h11.EndOfMessage())
        try:
            self._answers.receive_data(data)
            ended = self._read_answer(self._answers)
        except h11.RemoteProtocolError:
            self._lose()
            return
        if not ended:
            if self._exchange.rule is None:
                self._flush()
            return
        rest = self._answers.trailing_data[0]
        self._end(rest)

    def _read_answer(self, parser: h11.Connection) -> bool:
        """Whether the answer is whole."""
        exchange = self._exchange
        while True:
            event = parser.next_event()
            match event:
                case h11.InformationalResponse():
                    if event.status_code == _SWITCHING:
                        raise h11.RemoteProtocolError("switched")
                    rest = parser.trailing_data[0]
                    self._to_consumer(self._held[: len(self._held) - len(rest)])
                    self._held = rest
                case h11.Response():
                    exchange.answer = event
                    if exchange.rule is not None and exchange.rule.status not in {None, event.status_code}:
                        self._leave(f"its status is {event.status_code}")
                case h11.Data():
                    limit = KEPT_BYTES if exchange.rule is None else BODY_LIMIT_BYTES
                    if not self._keep(exchange.body, event.data, limit) and exchange.rule is not None:
                        self._leave(f"it is longer than {BODY_LIMIT_BYTES} bytes")
                case h11.EndOfMessage():
                    return True
                case _:
                    return False

    def _leave(self, why: str) -> None:
        """Let this answer pass as it is."""
        self._exchange.rule = None
        self._exchange.unchanged = why

    def _keep(self, into: bytearray, data: bytes | bytearray, limit: int) -> bool:
        room = limit - len(into)
        into += data[:room]
        if len(data) > room:
            self._exchange.cut = True
        return len(data) <= room

    def _end(self, rest: bytes) -> None:
        """The answer is whole: pass on it, or the one that stands in its place; then the next request may go."""
        exchange = self._exchange
        served = self._changed()
        if served is None:
            self._held = self._held[: len(self._held) - len(rest)] if rest else self._held
            self._flush()
        else:
            self._held = b""
            self._to_consumer(served[0])
        if self._stage.keep or served is not None or exchange.unchanged:
            self._stage.report(self._told(served[1] if served else None))
        if rest or not exchange.whole:
            self._held = rest
            self._lose()
            return
        self._begin()
        self._ask()

    def down_ended(self) -> None:
        """The provider ends the connection, and with it an answer without a length."""
        if not self._raw and self._answers is not None:
            self._hear(b"")
        self._flush()

    def up_ended(self) -> None:
        """The consumer says nothing more; what still waits can't wait any longer."""
        if self._waiting:
            self._lose()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._to_consumer(held)

    def _lose(self) -> None:
        """Pass on everything as it is from now on."""
        self._raw = True
        self._flush()
        if self._waiting:
            waiting, self._waiting = self._waiting, b""
            self._to_provider(waiting)

    def _changed(self) -> tuple[bytes, bytes] | None:
        """The answer that stands in the place of the provider's, and its body; None when that one passes as it is."""
        exchange, answer = self._exchange, self._exchange.answer
        if exchange.rule is None or answer is None:
            return None
        if exchange.rule.instead is not None:
            return fixed(exchange.rule.instead, answer, exchange.method)
        if exchange.method == "HEAD" or answer.status_code in _WITHOUT_BODY:
            exchange.unchanged = f"an answer {answer.status_code} to {exchange.method} has no body"
            return None
        headers = _by_name(answer.headers.raw_items())
        try:
            return changed(answer, bytes(exchange.body), headers, exchange.rule)
        except (ValueError, zlib.error, EOFError, OSError, RecursionError) as error:
            exchange.unchanged = str(error) or type(error).__name__
            return None

    def _told(self, served: bytes | None) -> dict[str, object]:
        exchange, answer = self._exchange, self._exchange.answer
        headers = answer.headers.raw_items() if answer else []
        body = bytes(exchange.body)
        try:
            body = decoded(body, _by_name(headers).get("content-encoding", ""))
        except (ValueError, zlib.error, EOFError, OSError):
            exchange.cut = True
        cut = exchange.cut or len(body) > KEPT_BYTES or (served is not None and len(served) > KEPT_BYTES)
        return {
            "t": self._stage.now(),
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


def changed(answer: h11.Response, body: bytes, headers: Mapping[str, str], rule: AnswerRule) -> tuple[bytes, bytes]:
    """A JSON answer with the changes of a rule made, and its body; raises ValueError when they can't be."""
    encoding = headers.get("content-encoding", "")
    document = json.loads(decoded(body, encoding))
    altered, met = applied(document, rule.changes)
    if not met:
        message = "there is nothing in it that the changes mean"
        raise ValueError(message)
    text = json.dumps(altered, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    coded = _encoded(text, encoding)
    kept = [(name, value) for name, value in answer.headers.raw_items() if name.lower() not in _LENGTHS]
    # Who keeps it must not be told later, by the provider itself, that it is still good.
    tag = b'"changed-%08x"' % zlib.crc32(text)
    lines = [(name, tag if name.lower() == b"etag" else value) for name, value in kept]
    return _message(answer.status_code, answer.reason, [*lines, (b"Content-Length", b"%d" % len(coded))], coded), text


def fixed(instead: FixedAnswer, answer: h11.Response, method: str) -> tuple[bytes, bytes]:
    """An answer that does not depend on the provider's but for the end of the connection."""
    body = instead.body.encode()
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in instead.headers]
    lines = [(name, value) for name, value in lines if name.lower() not in _LENGTHS]
    names = {name.lower() for name, _ in lines}
    if b"connection" not in names:
        lines += [(name, value) for name, value in answer.headers.raw_items() if name.lower() == b"connection"]
    if instead.status not in _WITHOUT_BODY:
        lines.append((b"Content-Length", b"%d" % len(body)))
    none = method == "HEAD" or instead.status in _WITHOUT_BODY
    return _message(instead.status, b"", lines, b"" if none else body), body


def _message(status: int, reason: bytes, lines: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    words = reason or (HTTPStatus(status).phrase.encode() if status in set(HTTPStatus) else b"")
    head = b"".join(b"%s: %s\r\n" % line for line in lines)
    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, words, head, body)


def decoded(body: bytes, encoding: str) -> bytes:
    """A body without its content encoding; raises ValueError for one that is not known, or that grows too much."""
    kind = encoding.strip().lower()
    if kind in {"", "identity"}:
        return body
    if kind not in {"gzip", "x-gzip", "deflate"}:
        message = f"its content encoding {kind!r} can't be read"
        raise ValueError(message)
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | (32 if kind != "deflate" else 0))
    text = unpacking.decompress(body, BODY_LIMIT_BYTES)
    if unpacking.unconsumed_tail:
        message = f"unpacked it is longer than {BODY_LIMIT_BYTES} bytes"
        raise ValueError(message)
    return text


def _encoded(text: bytes, encoding: str) -> bytes:
    match encoding.strip().lower():
        case "gzip" | "x-gzip":
            return gzip.compress(text, mtime=0)
        case "deflate":
            return zlib.compress(text)
        case _:
            return text


def _by_name(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _texts(headers: list[tuple[bytes, bytes]]) -> list[list[str]]:
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]


def _base64(body: bytes) -> str:
    return base64.b64encode(body[:KEPT_BYTES]).decode()
