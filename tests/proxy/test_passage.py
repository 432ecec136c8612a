"""What the HTTP stage does to exchanges, without sockets and without a clock."""

from __future__ import annotations

import gzip
import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model.changes import AnswerRule, FixedAnswer
from harness.model.exchange_rules import (
    Breakage,
    Broken,
    Deed,
    Dropped,
    Drops,
    ExchangeRule,
    Instead,
    Later,
    Met,
    Retyped,
    Stale,
    Twice,
    exchange_rule_of,
    pattern_of,
    told,
)
from harness.proxy.alterations import BODY_LIMIT_BYTES
from harness.proxy.passage import PIPELINE_LIMIT_BYTES
from harness.proxy.stage import LineStage

SORRY = FixedAnswer(status=503, headers=(("Retry-After", "1"),), body="sorry")
SPARED = Instead(answer=SORRY, asked=False)
ASKED = Instead(answer=SORRY, asked=True)
NO_PRICE = Dropped(path=("items", None, "price"))
TEXT = json.dumps({"items": [{"sku": "a", "price": 1}, {"sku": "b"}], "total": 1}).encode()
WITHOUT_PRICE = b'{"items":[{"sku":"a"},{"sku":"b"}],"total":1}'
EVERY: tuple[Deed, ...] = (
    SPARED,
    ASKED,
    Later(delay_s=1),
    Broken(how=Breakage.CUT),
    Broken(how=Breakage.BROKEN),
    Retyped(content_type="text/plain"),
    NO_PRICE,
    Twice(second=False),
    Twice(second=True),
    Stale(),
    Drops(drop_bytes=4, every_s=1),
)


@dataclass(eq=False)
class Alarm:
    at: float
    ring: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass(eq=False)
class Clock:
    now_s: float = 0.0
    alarms: list[Alarm] = field(default_factory=list)

    def now(self) -> float:
        return self.now_s

    def later(self, delay_s: float, ring: Callable[[], None]) -> Alarm:
        self.alarms.append(Alarm(self.now_s + delay_s, ring))
        return self.alarms[-1]

    def pass_to(self, now_s: float) -> None:
        while due := sorted((each for each in self.alarms if each.at <= now_s), key=lambda each: each.at):
            self.alarms.remove(due[0])
            self.now_s = due[0].at
            if not due[0].cancelled:
                due[0].ring()
        self.now_s = now_s


class Rig:
    """One connection of a line, whose two ends are kept."""

    def __init__(self, *deeds: Deed, rule: ExchangeRule | None = None, quiet: bool | None = None) -> None:
        self.clock = Clock()
        self.rows: list[dict[str, object]] = []
        self.stage = LineStage(report=self.rows.append, now=self.clock.now, later=self.clock.later)
        self.up = bytearray()
        self.down = bytearray()
        self.writes = 0
        """To the consumer."""
        self.hung_up = 0
        self.answered = 0
        self.quiet = quiet
        if quiet is None:
            self.arm(*deeds, rule=rule)
        self.passage = self.stage.passage(
            to_provider=self.up.extend,
            to_consumer=self._write,
            hang_up=lambda: setattr(self, "hung_up", self.hung_up + 1),
            answered=lambda: setattr(self, "answered", self.answered + 1),
            quiet=quiet,
        )

    def _write(self, data: bytes) -> None:
        self.writes += 1
        self.down.extend(data)

    def arm(self, *deeds: Deed, rule: ExchangeRule | None = None) -> None:
        rules = [ExchangeRule(deed=deed) for deed in deeds] + ([rule] if rule else [])
        self.stage.set((), faults={f"it-{number}": each for number, each in enumerate(rules)}, keep=False)

    def heal(self) -> None:
        self.stage.set((), faults={}, keep=False)

    def met(self, number: int = 0) -> Met:
        return Met(**self.stage.met_told(f"it-{number}"))  # type: ignore[arg-type]  # it is JSON

    def ask(self, request: bytes) -> bytes:
        """What of it the provider gets."""
        before = len(self.up)
        self.passage.up(request)
        return bytes(self.up[before:])

    def give(self, answer: bytes) -> bytes:
        """What of it the consumer gets, at once."""
        before = len(self.down)
        self.passage.down(answer)
        return bytes(self.down[before:])


def request(method: str = "GET", path: str = "/a", *headers: str, body: bytes = b"", version: str = "1.1") -> bytes:
    length = (f"Content-Length: {len(body)}",) if body else ()
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: x", *headers, *length, "", ""]).encode() + body


def answer(body: bytes = TEXT, *headers: str, status: str = "200 OK", length: bool = True) -> bytes:
    lines = (*headers, f"Content-Length: {len(body)}") if length else headers
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Type: application/json", *lines, "", ""]).encode() + body


def chunked(body: bytes) -> bytes:
    parts = [part for part in (body[:1], body[1:]) if part]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + framed


def body_of(message: bytes) -> bytes:
    head, _, body = message.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    assert length is not None
    assert int(length[1]) == len(body)
    return body


@pytest.mark.parametrize("deed", EVERY)
def test_a_rule_is_the_same_after_it_was_told(deed: Deed) -> None:
    rule = ExchangeRule(deed=deed, method="POST", path="/charges/*", share=0.25, seed=7)
    assert exchange_rule_of(json.loads(json.dumps(told(rule)))) == rule


def test_a_deed_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of instead, later"):
        exchange_rule_of({"deed": {"do": "dance"}, "method": "", "path": "/**", "share": 1, "seed": 0})


@pytest.mark.parametrize(
    ("pattern", "path", "meant"),
    [
        ("/charges/*", "/charges/7", True),
        ("/charges/*", "/charges/7?x=/y", True),
        ("/charges/*", "/charges/7/refunds", False),
        ("/charges/*", "/charges", False),
        ("/charges/*/refunds", "/charges/7/refunds", True),
        ("/charges/**", "/charges/7/refunds", True),
        ("**/refunds", "/charges/7/refunds", True),
        ("/a.b", "/axb", False),
        ("/a+(b)", "/a+(b)", True),
    ],
)
def test_stars_in_a_path(pattern: str, path: str, *, meant: bool) -> None:
    assert ExchangeRule(deed=Stale(), path=pattern).means("GET", path) is meant
    assert pattern_of("/a") == "/a"


def test_a_share_is_drawn_the_same_each_time_and_about_as_large_as_asked() -> None:
    rule = ExchangeRule(deed=Stale(), share=0.3, seed=5)
    chosen = [rule.chooses(number) for number in range(2000)]
    assert chosen == [rule.chooses(number) for number in range(2000)]
    assert 500 < sum(chosen) < 700
    other = ExchangeRule(deed=Stale(), share=0.3, seed=6)
    assert chosen != [other.chooses(number) for number in range(2000)]
    assert all(ExchangeRule(deed=Stale()).chooses(number) for number in range(50))


def test_the_provider_is_spared_and_the_connection_goes_on() -> None:
    rig = Rig(rule=ExchangeRule(deed=SPARED, method="POST", path="/charges"))
    for _ in range(2):
        assert rig.ask(request("POST", "/charges", body=b"{}")) == b""
        assert rig.down.startswith(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n")
        assert body_of(bytes(rig.down)) == b"sorry"
        rig.down.clear()
    assert rig.answered == 2
    assert rig.ask(request("GET", "/charges")) == request("GET", "/charges")
    assert rig.give(answer()) == answer()
    assert rig.met() == Met(hits=2)


def test_of_a_request_that_is_spared_nothing_reaches_the_provider_however_it_is_cut() -> None:
    sent = request("POST", "/charges", body=b"0123456789")
    for cut in range(1, len(sent), 3):
        rig = Rig(SPARED)
        assert rig.ask(sent[:cut]) + rig.ask(sent[cut:]) == b""
        assert body_of(bytes(rig.down)) == b"sorry"


def test_who_waits_for_leave_to_send_a_body_gets_it_though_the_provider_is_spared() -> None:
    rig = Rig(SPARED)
    rig.ask(request("POST", "/a", "Expect: 100-continue", "Content-Length: 2"))
    assert bytes(rig.down) == b"HTTP/1.1 100 Continue\r\n\r\n"
    rig.ask(b"{}")
    assert b"503" in rig.down


@pytest.mark.parametrize(
    "sent", [request("GET", "/a", "Connection: close"), request("GET", "/a", version="1.0")], ids=["close", "1.0"]
)
def test_a_consumer_that_wants_its_connection_ended_has_it_ended_when_the_provider_is_spared(sent: bytes) -> None:
    rig = Rig(SPARED)
    assert rig.ask(sent) == b""
    assert b"Connection: close\r\n" in rig.down
    assert rig.hung_up == 1


def test_requests_sent_ahead_are_answered_in_their_order_whatever_becomes_of_them() -> None:
    rig = Rig(rule=ExchangeRule(deed=SPARED, path="/no"))
    sent = [request(path=path) for path in ("/no", "/yes", "/no")]
    assert rig.ask(b"".join(sent)) == sent[1]
    rig.give(answer(b"{}"))
    assert [found[9:12] for found in re.findall(rb"HTTP/1.1 \d+", bytes(rig.down))] == [b"503", b"200", b"503"]


def test_an_answer_is_replaced_when_the_provider_was_asked_too() -> None:
    rig = Rig(ASKED)
    assert rig.ask(request()) == request()
    assert body_of(rig.give(chunked(TEXT))) == b"sorry"
    assert rig.met().hits == 1


def test_a_delayed_answer_comes_as_it_is_when_its_time_has_come() -> None:
    rig = Rig(rule=ExchangeRule(deed=Later(delay_s=2), path="/slow"))
    rig.ask(request(path="/slow") + request(path="/fast"))
    assert rig.give(answer()) == b""
    rig.clock.pass_to(1.9)
    assert rig.down == b""
    rig.clock.pass_to(2.0)
    assert rig.down == answer()
    assert bytes(rig.up).endswith(request(path="/fast")), "the next request goes when the answer was given"
    assert rig.give(answer(b"{}")) == answer(b"{}")
    assert rig.met() == Met(hits=1)


def test_what_comes_after_the_delay_is_passed_on_as_it_comes() -> None:
    rig = Rig(Later(delay_s=2))
    rig.ask(request())
    assert rig.give(answer()[:20]) == b"", "not all of the head is there"
    rig.give(answer()[20:90])
    rig.clock.pass_to(2.0)
    assert rig.down == answer()[:90]
    assert rig.give(answer()[90:99]) == answer()[90:99]
    rig.give(answer()[99:])
    assert rig.down == answer()
    assert rig.ask(request()) == request()


def test_the_end_of_a_connection_waits_for_a_delayed_answer() -> None:
    rig = Rig(Later(delay_s=2))
    rig.ask(request("GET", "/a", "Connection: close"))
    rig.give(answer())
    ends: list[float] = []
    rig.passage.down_ended(lambda: ends.append(rig.clock.now()))
    assert ends == []
    rig.clock.pass_to(3.0)
    assert (bytes(rig.down), ends) == (answer(), [2.0])


def test_a_delayed_answer_that_is_too_long_to_hold_passes_and_is_no_hit() -> None:
    rig = Rig(Later(delay_s=2))
    rig.ask(request())
    long = answer(b"x" * (BODY_LIMIT_BYTES + 1))
    assert rig.give(long[:100]) == b""
    rig.give(long[100:-1])
    assert rig.down == long[:-1]
    assert rig.give(long[-1:]) == long[-1:]
    assert rig.met().hits == 0
    assert "longer than" in rig.met().why


@pytest.mark.parametrize("how", list(Breakage))
@pytest.mark.parametrize("text", [TEXT, b"12", b'"a"', b"[]", b"true", b'{"a":1}\n'])
@pytest.mark.parametrize("framed", [answer, chunked])
def test_broken_json_has_its_right_length_and_can_t_be_read(
    how: Breakage, text: bytes, framed: Callable[[bytes], bytes]
) -> None:
    rig = Rig(Broken(how=how))
    rig.ask(request())
    spoiled = body_of(rig.give(framed(text)))
    with pytest.raises(ValueError, match="line 1"):
        json.loads(spoiled)
    assert rig.met() == Met(hits=1)


def test_packed_json_is_broken_within_and_stays_packed() -> None:
    rig = Rig(Broken(how=Breakage.CUT))
    rig.ask(request())
    given = rig.give(answer(gzip.compress(TEXT), "Content-Encoding: gzip"))
    assert gzip.decompress(body_of(given)) == TEXT[: len(TEXT) // 2]


def test_another_type_leaves_the_body() -> None:
    rig = Rig(Retyped(content_type="text/plain"))
    rig.ask(request())
    given = rig.give(answer(TEXT, 'ETag: "1"'))
    assert b"Content-Type: text/plain\r\n" in given
    assert b"application/json" not in given
    assert b'ETag: "1"' not in given
    assert body_of(given) == TEXT
    rig.ask(request())
    same = answer().replace(b"application/json", b"text/plain")
    assert rig.give(same) == same
    assert rig.met() == Met(hits=1, passed=1, why="it is text/plain already")


@pytest.mark.parametrize("framed", [answer, chunked])
def test_a_member_is_dropped_from_every_element(framed: Callable[[bytes], bytes]) -> None:
    rig = Rig(NO_PRICE)
    rig.ask(request())
    assert body_of(rig.give(framed(TEXT))) == WITHOUT_PRICE
    assert rig.met().hits == 1


def test_a_member_of_one_element_is_dropped_by_its_number() -> None:
    rig = Rig(Dropped(path=("items", "0", "price")))
    rig.ask(request())
    assert body_of(rig.give(answer())) == WITHOUT_PRICE


@pytest.mark.parametrize(
    ("body", "why"), [(b'{"items": []}', "it has no /items/*/price"), (b"<p>", "it is no JSON"), (b"", "it is no JSON")]
)
def test_an_answer_without_the_member_passes_and_is_no_hit(body: bytes, why: str) -> None:
    rig = Rig(NO_PRICE)
    rig.ask(request())
    assert rig.give(answer(body)) == answer(body)
    assert rig.met() == Met(passed=1, why=why)


@pytest.mark.parametrize(("second", "counts"), [(False, b'{"n":1}'), (True, b'{"n":2}')])
def test_a_request_is_delivered_twice_and_answered_once(*, second: bool, counts: bytes) -> None:
    rig = Rig(Twice(second=second))
    sent = request("POST", "/charges", body=b"{}")
    assert rig.ask(sent) == sent
    assert rig.give(answer(b'{"n":1}')) == b""
    assert bytes(rig.up) == sent * 2
    assert body_of(rig.give(answer(b'{"n":2}'))) == counts
    assert rig.met() == Met(hits=1)
    assert rig.ask(sent) == sent, "the connection goes on"


def test_the_first_of_both_does_not_end_the_connection_though_the_consumer_wants_that() -> None:
    rig = Rig(Twice(second=False))
    first = rig.ask(request("POST", "/a", "Connection: close", body=b"{}"))
    assert b"close" not in first
    assert first.endswith(b"\r\n\r\n{}")
    rig.give(answer(b"1"))
    assert bytes(rig.up[len(first) :]) == request("POST", "/a", "Connection: close", body=b"{}")
    assert body_of(rig.give(answer(b"2", "Connection: close"))) == b"1"


def test_a_provider_that_ends_the_connection_gets_a_request_once_and_that_is_no_hit() -> None:
    rig = Rig(Twice(second=False))
    rig.ask(request("POST", "/a", body=b"{}"))
    once = answer(b"1", "Connection: close")
    assert rig.give(once) == once
    assert rig.met().hits == 0
    assert "ended the connection" in rig.met().why


def test_when_the_second_answer_never_comes_the_consumer_gets_the_first() -> None:
    rig = Rig(Twice(second=True))
    rig.ask(request("POST", "/a", body=b"{}"))
    rig.give(answer(b"1"))
    ends: list[bool] = []
    rig.passage.down_ended(lambda: ends.append(True))
    assert bytes(rig.down) == answer(b"1")
    assert (ends, rig.met().hits) == ([True], 0)


def test_when_the_consumer_has_gone_meanwhile_nothing_is_sent_again() -> None:
    rig = Rig(Twice(second=False))
    sent = request("POST", "/a", body=b"{}")
    rig.ask(sent)
    rig.passage.up_ended()
    assert rig.give(answer(b"1")) == answer(b"1")
    assert (bytes(rig.up), rig.met().hits) == (sent, 0)


def test_a_request_that_is_too_long_to_keep_is_delivered_once() -> None:
    rig = Rig(Twice(second=False))
    sent = request("POST", "/a", body=b"x" * PIPELINE_LIMIT_BYTES)
    assert rig.ask(sent[:100]) + rig.ask(sent[100:]) == sent
    assert rig.give(answer()) == answer()
    assert "longer than" in rig.met().why


def test_the_same_request_gets_the_answer_that_it_got_first() -> None:
    rig = Rig(Stale())
    for n, expected in ((1, 1), (2, 1), (1, 1), (3, 1)):
        rig.ask(request())
        assert body_of(rig.give(answer(b"%d" % n))) == b"%d" % expected
    rig.ask(request(path="/b"))
    assert body_of(rig.give(answer(b"4"))) == b"4", "another path is another request"
    rig.ask(request("GET", "/a", "Authorization: other"))
    assert body_of(rig.give(answer(b"5"))) == b"5", "what belongs to one is not shown to another"
    rig.ask(request("POST", body=b"{}"))
    assert body_of(rig.give(answer(b"6"))) == b"6"
    assert (rig.met().hits, rig.met().passed) == (2, 5)


def test_an_error_is_not_remembered() -> None:
    rig = Rig(Stale())
    rig.ask(request())
    rig.give(answer(b"1", status="500 Oh"))
    rig.ask(request())
    assert body_of(rig.give(answer(b"2"))) == b"2"
    assert rig.met().hits == 0


@pytest.mark.parametrize("framed", [answer, chunked])
def test_a_body_comes_in_drops(framed: Callable[[bytes], bytes]) -> None:
    rig = Rig(Drops(drop_bytes=20, every_s=1))
    rig.ask(request() + request(path="/next"))
    given = rig.give(framed(TEXT))
    assert given.endswith(b"\r\n\r\n")
    for seconds in (1, 2):
        rig.clock.pass_to(seconds)
        assert len(rig.down) == len(given) + 20 * seconds
    assert not rig.up.endswith(request(path="/next"))
    rig.clock.pass_to(10)
    assert rig.down == framed(TEXT)
    assert rig.up.endswith(request(path="/next"))
    assert rig.met().hits == 1


@pytest.mark.parametrize(
    "deed", [Broken(how=Breakage.CUT), Retyped(content_type="a/b"), NO_PRICE, Stale(), Drops(drop_bytes=1, every_s=1)]
)
@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (request("HEAD"), b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
        (request(), b"HTTP/1.1 204 No Content\r\n\r\n"),
        (request(), b"HTTP/1.1 304 Not Modified\r\nETag: 1\r\n\r\n"),
        (request(), answer(b"x" * (BODY_LIMIT_BYTES + 1))),
    ],
    ids=["HEAD", "204", "304", "long"],
)
def test_what_can_t_be_changed_passes_is_no_hit_and_the_connection_goes_on(
    deed: Deed, asked: bytes, given: bytes
) -> None:
    rig = Rig(deed)
    rig.ask(asked)
    assert rig.give(given) == given
    met = rig.met()
    assert (met.hits, met.passed) == (0, 1)
    assert met.why
    assert rig.ask(request()) == request()


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    return [stream[start:end] for start, end in itertools.pairwise(ends)]


def conversed(deed: Deed, up: list[int], down: list[int]) -> tuple[bytes, bytes, Met]:
    """Three requests sent ahead, cut into pieces, to a provider that answers each, cut into pieces."""
    rig = Rig(rule=ExchangeRule(deed=deed, path="/a"))
    asked = request() + request(path="/b") + request()
    answers = iter([answer(), chunked(TEXT), *(answer(b'{"n":%d}' % n) for n in range(4))])
    answered = 0
    for piece in pieces(asked, up):
        rig.ask(piece)
        while rig.up.count(b"\r\n\r\n") > answered:
            answered += 1
            for part in pieces(next(answers), down):
                rig.give(part)
            rig.clock.pass_to(rig.clock.now() + 100)
    return bytes(rig.up), bytes(rig.down), rig.met()


@pytest.mark.parametrize("deed", EVERY)
@settings(max_examples=10, deadline=None)
@given(up=st.lists(st.integers(1, 500), max_size=6), down=st.lists(st.integers(1, 500), max_size=6))
def test_however_the_bytes_are_cut_the_same_comes_of_them(deed: Deed, up: list[int], down: list[int]) -> None:
    assert conversed(deed, up, down) == conversed(deed, [], [])


def test_a_stream_of_events_is_not_held_back() -> None:
    rig = Rig(NO_PRICE)
    rig.ask(request())
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert rig.give(head) == head
    assert rig.give(b"3\r\nabc\r\n") == b"3\r\nabc\r\n"
    assert rig.met().hits == 0


@pytest.mark.parametrize("deed", [ASKED, NO_PRICE, Broken(how=Breakage.CUT), Drops(drop_bytes=9, every_s=1)])
def test_an_answer_of_http_1_0_ends_with_its_connection(deed: Deed) -> None:
    rig = Rig(deed)
    rig.ask(request(version="1.0"))
    assert rig.give(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + TEXT) == b""
    ends: list[bool] = []
    rig.passage.down_ended(lambda: ends.append(True))
    rig.clock.pass_to(99)
    assert rig.down
    assert (ends, rig.met().hits) == ([True], 1)


@pytest.mark.parametrize("deed", EVERY)
@pytest.mark.parametrize(
    "said", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x00\x05hello\r\n\r\n", b"SSH-2.0-x\r\n"]
)
def test_tls_and_http_2_pass_unchanged_and_are_no_hits(deed: Deed, said: bytes) -> None:
    rig = Rig(deed)
    assert rig.ask(said) == said
    assert rig.give(b"\x00\x01 whatever") == b"\x00\x01 whatever"
    assert rig.ask(b"more") == b"more"
    assert rig.met() == Met()


def test_the_first_fault_that_means_an_exchange_acts_and_before_every_rule() -> None:
    rig = Rig()
    faults = {
        "it-0": ExchangeRule(deed=NO_PRICE, path="/a"),
        "it-1": ExchangeRule(deed=SPARED),
    }
    rules = (AnswerRule(method="GET", path="/.*", instead=FixedAnswer(status=200, body="rule")),)
    rig.stage.set(rules, faults=faults, keep=True)
    rig.ask(request())
    assert body_of(rig.give(answer())) == WITHOUT_PRICE
    rig.ask(request(path="/b"))
    assert (rig.met(0).hits, rig.met(1).hits) == (1, 1)
    assert [row["status"] for row in rig.rows] == [200], "of what the provider did not get nothing is told"


@pytest.mark.parametrize("deed", EVERY)
def test_when_it_is_healed_the_next_exchange_is_as_ever(deed: Deed) -> None:
    rig = Rig(deed)
    rig.heal()
    for _ in range(2):
        assert rig.ask(request()) == request()
        assert rig.give(answer()) == answer()
    assert rig.met() == Met()


def test_healing_lets_a_delayed_answer_go_at_once() -> None:
    rig = Rig(Later(delay_s=60))
    rig.ask(request() + request(path="/next"))
    rig.give(answer())
    rig.heal()
    assert rig.down == answer()
    assert rig.up.endswith(request(path="/next"))
    rig.clock.pass_to(99)
    assert rig.down == answer()


def test_healing_lets_what_still_trickles_go_at_once() -> None:
    rig = Rig(Drops(drop_bytes=1, every_s=60))
    rig.ask(request())
    rig.give(answer())
    rig.clock.pass_to(61)
    before = rig.writes
    rig.heal()
    assert rig.down == answer()
    assert rig.writes == before + 1  # and not one for each drop, which would hold up the whole line
    assert rig.ask(request()) == request()


@pytest.mark.parametrize(
    "deed", [NO_PRICE, Broken(how=Breakage.CUT), Drops(drop_bytes=1, every_s=60), Twice(second=True)]
)
def test_healing_in_the_middle_of_an_answer_lets_it_pass(deed: Deed) -> None:
    rig = Rig(deed)
    rig.ask(request())
    rig.give(answer()[:40])
    rig.heal()
    rig.give(answer()[40:])
    assert rig.down == answer()
    assert rig.ask(request()) == request()


def test_healing_in_the_middle_of_a_request_that_is_delivered_twice_delivers_it_once() -> None:
    rig = Rig(Twice(second=False))
    sent = request("POST", "/a", body=b"0123456789")
    rig.ask(sent[:-4])
    rig.heal()
    rig.ask(sent[-4:])
    assert rig.up == sent
    assert rig.give(answer()) == answer()


def test_figures_are_kept_when_it_is_healed_and_begin_anew_with_another_rule() -> None:
    rig = Rig(SPARED)
    rig.ask(request())
    rig.arm(SPARED)
    assert rig.met().hits == 1, "the same rule goes on"
    rig.heal()
    assert rig.met().hits == 1
    rig.arm(NO_PRICE)
    assert rig.met() == Met()


def test_a_connection_from_before_is_read_from_its_next_request_on() -> None:
    rig = Rig(quiet=False)
    assert rig.ask(b"GET /half") == b"GET /half"
    rig.arm(SPARED)
    assert rig.ask(b"way HTTP/1.1\r\nHost: x\r\n\r\n").endswith(b"\r\n\r\n")
    assert rig.give(answer()[:30]) == answer()[:30]
    assert rig.give(answer()[30:]) == answer()[30:]
    assert rig.ask(request()) == b""
    assert rig.met().hits == 1


def test_a_body_from_before_is_not_taken_for_a_request() -> None:
    rig = Rig(quiet=False)
    rig.arm(SPARED)
    assert rig.ask(request()) == request(), "it follows a request without an answer, so it may be its body"
    rig.give(answer())
    assert rig.ask(b"\x81\x05hello") == b"\x81\x05hello"
    rig.give(b"\x81\x05hello")
    assert rig.met() == Met()


def test_a_connection_that_sleeps_is_read_again_with_the_next_fault() -> None:
    rig = Rig(SPARED)
    rig.heal()
    rig.ask(request())
    rig.give(answer())
    assert rig.ask(request()) == request()
    rig.give(answer())
    rig.arm(SPARED)
    assert rig.ask(request()) == b""


def test_a_connection_that_is_over_is_forgotten_and_nothing_is_written_to_it() -> None:
    rig = Rig(Later(delay_s=1))
    rig.ask(request())
    rig.give(answer())
    rig.passage.close()
    rig.clock.pass_to(9)
    assert rig.down == b""
    rig.heal()
    assert rig.down == b""
