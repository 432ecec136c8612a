"""One connection of a line whose exchanges are read; what a fault or a rule means is done to them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import h11

from harness.model.exchange_rules import Drops, Instead, Later, Stale, Twice
from harness.proxy.alterations import BODY_LIMIT_BYTES, CONTINUE, WITHOUT_BODY, fixed, kept_alive
from harness.proxy.exchange import KEPT_BYTES, Exchange, altered, kept, row_of
from harness.proxy.memory import key_of

if TYPE_CHECKING:
    from harness.proxy.stage import Fault, LineStage, Timer

HEAD_LIMIT_BYTES = 64 << 10
PIPELINE_LIMIT_BYTES = 1 << 20
"""Of requests that wait for the answer to the one before them, and of one that is delivered twice."""
_SWITCHING = 101
_BEGINS = re.compile(rb"[A-Z]{1,20} [!-~]+ HTTP/1\.[01]\r?\n")
"""How a request begins; by it a connection that was open before is read from there on."""
_MAY_BEGIN = re.compile(rb"[A-Z]{1,20}(?: [!-~]*(?: [HTP/1.0]*\r?)?)?")
"""The same, of which not all is there yet."""

Write = Callable[[bytes], object]


class Passage:
    """The bytes of both sides go through it."""

    def __init__(  # noqa: PLR0913 -- each is a thing of its own
        self,
        stage: LineStage,
        *,
        to_provider: Write,
        to_consumer: Write,
        hang_up: Callable[[], object],
        answered: Callable[[], object],
        quiet: bool | None = None,
    ) -> None:
        self._stage = stage
        self._to_provider = to_provider
        self._to_consumer = to_consumer
        self._hang_up = hang_up
        self._answered = answered
        self._raw = False
        self._closed = False
        self._over = False
        """The provider has ended the connection."""
        self._said_all = False
        """The consumer has ended its side, and so has the connection to the provider."""
        self._waiting = b""
        self._unsent = b""
        """Of a request whose head is not whole."""
        self._held = b""
        self._timer: Timer | None = None
        self._left = memoryview(b"")
        """Of a body that comes in drops."""
        self._rest: bytes | None = None
        """Of an answer that is whole and not yet given: what came after it."""
        self._at_end: Callable[[], None] | None = None
        self._begin()
        self._asleep = quiet is not None
        """Nothing is read until a request begins."""
        self._quiet = bool(quiet)
        """Asleep: every request so far was answered."""

    @property
    def fault(self) -> Fault | None:
        """What has taken the exchange that is under way."""
        return self._exchange.fault

    @property
    def withholds(self) -> bool:
        """Whether the answer under way is not the consumer's as soon as it comes."""
        taken = self._exchange.fault is not None or self._exchange.rule is not None
        return taken and not self._raw and not self._asleep

    def _begin(self) -> None:
        self._exchange = Exchange()
        self._requests = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_LIMIT_BYTES)
        self._answers: h11.Connection | None = None
        self._rest = None
        self._asleep = not self._stage.on
        self._quiet = True

    def _next(self) -> None:
        """An exchange is over: the next request may go."""
        self._begin()
        if self._asleep and self._waiting:
            self._quiet = False
            waiting, self._waiting = self._waiting, b""
            self._to_provider(waiting)
        self._ask()

    def up(self, data: bytes) -> None:
        """What the consumer says."""
        if self._closed:
            return
        if self._asleep and self._stage.on and self._quiet and _BEGINS.match(data):
            self._begin()
        if self._raw or self._asleep:
            self._quiet = False
            self._to_provider(data)
            return
        self._waiting += data
        if len(self._waiting) > PIPELINE_LIMIT_BYTES and self._exchange.whole:
            self._lose()
            return
        self._ask()

    def _ask(self) -> None:
        """Pass on the request under way; one that follows waits for its answer."""
        while self._waiting and not self._exchange.whole and not self._raw and not self._closed:
            data, self._waiting = self._waiting, b""
            try:
                rest = self._read_request(data)
            except h11.RemoteProtocolError:
                rest = None
            if rest is None:
                self._waiting = data
                self._lose()
                return
            self._waiting = rest
            self._forward(data[: len(data) - len(rest)])

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
                    exchange.ask(event)
                    self._take()
                case h11.Data():
                    exchange.cut |= not kept(exchange.request_body, event.data, KEPT_BYTES)
                case h11.EndOfMessage():
                    exchange.whole = True
                    return parser.trailing_data[0]
                case _:
                    return b""

    def _take(self) -> None:
        """Whom the request under way belongs to."""
        exchange = self._exchange
        exchange.fault = self._stage.fault_for(exchange.method, exchange.path)
        if exchange.fault is None:
            exchange.rule = self._stage.rule_for(exchange.method, exchange.path)
        elif exchange.spared and exchange.expects:
            self._to_consumer(CONTINUE)
        elif isinstance(exchange.deed, Twice) and exchange.expects:
            self._leave("it asks for leave to send its body")
        elif isinstance(exchange.deed, Stale) and exchange.method != "GET":
            self._leave(f"the answer to a {exchange.method} is not remembered")

    def _forward(self, data: bytes) -> None:
        """What was read of a request goes to the provider, unless it is kept from it."""
        exchange = self._exchange
        if not exchange.asked and self._stage.faults:
            self._unsent += data
            if not (_BEGINS.match(self._unsent) or _MAY_BEGIN.fullmatch(self._unsent)):
                self._lose()
            return
        data, self._unsent = self._unsent + data, b""
        if exchange.spared:
            if exchange.whole:
                self._stand_in()
            return
        if not isinstance(exchange.deed, Twice):
            self._to_provider(data)
            return
        exchange.request += data
        if len(exchange.request) > PIPELINE_LIMIT_BYTES:
            self._leave(f"the request is longer than {PIPELINE_LIMIT_BYTES} bytes")
            self._to_provider(bytes(exchange.request))
        elif exchange.whole:
            self._to_provider(kept_alive(bytes(exchange.request)))

    def _stand_in(self) -> None:
        """Answer a request that the provider does not get."""
        exchange, fault = self._exchange, self._exchange.fault
        if fault is None or not isinstance(fault.rule.deed, Instead):
            return
        connection = [(b"Connection", b"close")] if exchange.closes else []
        message, _body = fixed(fault.rule.deed.answer, connection, exchange.method)
        fault.hits += 1
        self._give(message)
        if exchange.closes:
            self._closed = True
            self._hang_up()
        else:
            self._begin()

    def down(self, data: bytes) -> None:
        """What the provider says."""
        if self._closed:
            return
        if self._raw or self._asleep:
            self._quiet = True
            self._to_consumer(data)
            return
        if self._rest is not None:
            self._rest += data
            return
        if not self._exchange.asked or self._exchange.spared:
            self._held += data
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
        if ended:
            self._end(self._answers.trailing_data[0])
        elif self._timer is not None and len(self._held) > BODY_LIMIT_BYTES:
            self._leave(f"it is longer than {BODY_LIMIT_BYTES} bytes")
            self._flush()
        elif self._timer is None and not self._exchange.held_back and (self.fault is None or self._exchange.answer):
            self._flush()

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
                    if exchange.first is None:
                        self._to_consumer(self._held[: len(self._held) - len(rest)])
                    self._held = rest
                case h11.Response():
                    exchange.answer = event
                    self._meet(event)
                case h11.Data():
                    held_back = exchange.held_back
                    if kept(exchange.body, event.data, BODY_LIMIT_BYTES if held_back else KEPT_BYTES):
                        continue
                    exchange.cut = True
                    if held_back:
                        self._leave(f"it is longer than {BODY_LIMIT_BYTES} bytes")
                case h11.EndOfMessage():
                    return True
                case _:
                    return False

    def _meet(self, answer: h11.Response) -> None:
        """The head of an answer is there: whether anything is to be done to it."""
        exchange, fault = self._exchange, self._exchange.fault
        if exchange.rule is not None and exchange.rule.status not in {None, answer.status_code}:
            self._leave(f"its status is {answer.status_code}")
        if fault is None or isinstance(fault.rule.deed, Instead | Twice):
            return
        if isinstance(fault.rule.deed, Later):
            fault.hits += 1
            self._timer = self._stage.later(fault.rule.deed.delay_s, self._come)
        elif exchange.method == "HEAD" or answer.status_code in WITHOUT_BODY:
            self._leave(f"an answer {answer.status_code} to {exchange.method} has no body")
        elif exchange.answer_header("content-type").startswith("text/event-stream"):
            self._leave("it is a stream of events")

    def _leave(self, why: str) -> None:
        """Let this exchange pass as it is."""
        exchange = self._exchange
        if exchange.fault is not None:
            exchange.fault.leave(why)
        if self._timer is not None and exchange.fault is not None:
            self._stop()
            exchange.fault.hits -= 1
        exchange.rule = exchange.fault = None
        exchange.unchanged = why
        if exchange.first is not None:
            self._held, exchange.first = exchange.first, None

    def _end(self, rest: bytes) -> None:
        """The answer is whole: pass on it, or the one that stands in its place."""
        exchange, fault = self._exchange, self._exchange.fault
        if self._timer is not None:
            self._rest, self._held = rest, self._held[: len(self._held) - len(rest)]
            return
        if isinstance(exchange.deed, Twice) and exchange.first is None and not self._again(rest):
            return
        served = self._changed(rest)
        if served is None:
            self._held = self._held[: len(self._held) - len(rest)] if rest else self._held
            self._flush()
            self._conclude(rest, None)
            return
        self._held = b""
        if fault is not None:
            fault.hits += 1
        if fault is None or not isinstance(fault.rule.deed, Drops):
            self._give(served[0])
            self._conclude(rest, served[1])
            return
        self._rest = rest
        head, parting, body = served[0].partition(b"\r\n\r\n")
        self._left = memoryview(body)
        self._give(head + parting)
        self._timer = self._stage.later(fault.rule.deed.every_s, self._drip)

    def _again(self, rest: bytes) -> bool:
        """The request was answered the first time: deliver it once more. True when that can't be."""
        exchange = self._exchange
        if self._said_all:
            self._leave("its consumer ended the connection before it was answered")
            return True
        if rest or self._over or exchange.provider_closes:
            self._leave("its provider ended the connection after the first time")
            return True
        exchange.first, self._held = self._held, b""
        exchange.answer, exchange.body = None, bytearray()
        self._answers = None
        self._to_provider(bytes(exchange.request))
        return False

    def _conclude(self, rest: bytes, served: bytes | None) -> None:
        """All of the answer is given; then the next request may go."""
        self._tell(served)
        if rest or not self._exchange.whole:
            self._held = rest
            self._lose()
            return
        self._next()

    def _tell(self, served: bytes | None) -> None:
        exchange = self._exchange
        meant = exchange.fault is None and (served is not None or bool(exchange.unchanged))
        if self._stage.keep or (meant and self._stage.rules):
            self._stage.report(row_of(exchange, self._stage.now(), served))

    def _come(self) -> None:
        """A delayed answer is due."""
        self._timer = None
        self._exchange.fault = None
        self._flush()
        self._finish()

    def _drip(self) -> None:
        """The next drop is due."""
        self._timer = None
        fault = self._exchange.fault
        deed = fault.rule.deed if fault is not None else None
        if isinstance(deed, Drops) and len(self._left) > deed.drop_bytes:
            drop, self._left = self._left[: deed.drop_bytes], self._left[deed.drop_bytes :]
            self._to_consumer(bytes(drop))
            self._timer = self._stage.later(deed.every_s, self._drip)
            return
        self._pour()
        self._finish()

    def _finish(self) -> None:
        """What was held up is given; go on where the provider is."""
        rest = self._rest
        if rest is not None:
            self._rest = None
            self._conclude(rest, None)
        then, self._at_end = self._at_end, None
        if then is not None and self._timer is None:
            self._let_go()
            then()

    def release(self) -> None:
        """The fault that has taken the exchange under way is healed: hold nothing back for it."""
        exchange = self._exchange
        if exchange.spared or exchange.first is not None:
            return  # the request is answered as it was begun
        if isinstance(exchange.deed, Twice) and not exchange.whole:
            self._to_provider(bytes(exchange.request))
        exchange.fault = None
        waited = self._timer is not None
        self._stop()
        self._pour()
        self._flush()
        if waited:
            self._finish()

    def _pour(self) -> None:
        """What is left in drops goes at once: thousands of writes would hold up the whole line."""
        if self._left:
            self._to_consumer(bytes(self._left))
            self._left = memoryview(b"")

    def down_ended(self, then: Callable[[], None]) -> None:
        """The provider ends the connection, and with it an answer without a length; `then` when all is passed on."""
        self._over = True
        if not self._raw and not self._asleep and self._rest is None and self._answers is not None:
            self._hear(b"")
        if self._timer is not None:
            self._at_end = then
            return
        self._let_go()
        then()

    def up_ended(self) -> None:
        """The consumer says nothing more; what still waits can't wait any longer."""
        if self._unsent or self._waiting:
            self._lose()
        self._said_all = True

    def close(self) -> None:
        """The connection is over."""
        self._closed = True
        self._stop()
        self._stage.forget(self)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._give(held)

    def _give(self, data: bytes) -> None:
        self._to_consumer(data)
        self._answered()

    def _let_go(self) -> None:
        """Give the consumer what it has a right to, as far as it is there."""
        exchange = self._exchange
        if exchange.first is not None:
            self._leave("its provider ended the connection when it was asked again")
        self._flush()

    def _lose(self) -> None:
        """Pass on everything as it is from now on."""
        exchange, self._raw = self._exchange, True
        self._stop()
        self._pour()
        if exchange.fault is not None and exchange.first is None:
            if exchange.spared:
                self._closed = True
                self._hang_up()
                return
            held_request = exchange.request if isinstance(exchange.deed, Twice) and not exchange.whole else b""
            self._leave("it can't be read")
            self._to_provider(bytes(held_request))
        self._let_go()
        waiting, self._waiting, self._unsent = self._unsent + self._waiting, b"", b""
        if waiting:
            self._to_provider(waiting)

    def _changed(self, rest: bytes) -> tuple[bytes, bytes] | None:
        """The answer that stands in the place of the provider's, and its body; None when that one passes as it is."""
        exchange, fault, answer = self._exchange, self._exchange.fault, self._exchange.answer
        if answer is None or (fault is None and exchange.rule is None):
            return None
        raw = self._held[: len(self._held) - len(rest)]
        try:
            if fault is not None and isinstance(fault.rule.deed, Stale):
                return self._remembered(fault, raw)
            return altered(exchange, answer, raw)
        except (ValueError, zlib.error, EOFError, OSError, RecursionError) as error:
            self._leave(str(error) or type(error).__name__)
            return None

    def _remembered(self, fault: Fault, raw: bytes) -> tuple[bytes, bytes]:
        """The answer from before; raises ValueError when there is none, or it is the same."""
        exchange = self._exchange
        key = key_of(exchange.method, exchange.path, exchange.request_headers, bytes(exchange.request_body))
        known = fault.memory.get(key)
        if known is None:
            good = exchange.answer is not None and exchange.answer.status_code // 100 == 2  # noqa: PLR2004 -- 2xx
            if not good or self._over:
                message = "it is none that is remembered"
            else:
                room = fault.memory.put(key, raw, bytes(exchange.body))
                message = "it is the first, and remembered" if room else "there is no room to remember it"
            raise ValueError(message)
        if known[1] == exchange.body:
            message = "it is the same still"
            raise ValueError(message)
        return known
