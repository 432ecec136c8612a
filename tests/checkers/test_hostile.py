from __future__ import annotations

import json

import pytest

from harness.checkers.hostile import counts, judge, likeness, undecided
from harness.model.fuzzing import HostileCheck
from harness.model.hostile import Suspicion, Trial
from harness.model.request import Answer, Request

ASKED = Request(method="GET", url="http://h/x", headers=(), body=None)
PAGE = (("Content-Type", "text/html; charset=utf-8"),)
LATER = (("Retry-After", "1"),)


def ok(document: object = None, status: int = 200) -> Answer:
    return Answer(status=status, body=b"" if document is None else json.dumps(document).encode())


def found(  # noqa: PLR0913 -- the parts of a trial and of its answers
    check: HostileCheck,
    hostile: Answer,
    twin: Answer | None = None,
    control: Answer | None = None,
    *,
    needle: str = "",
    controlled: bool = False,
) -> Suspicion | None:
    trial = Trial(
        check=check,
        operation="GET /x",
        what="w",
        hostile=ASKED,
        twin=ASKED if twin else None,
        control=ASKED if controlled else None,
        needle=needle,
    )
    return judge(trial, hostile, twin, control)


@pytest.mark.parametrize("check", [*HostileCheck])
def test_a_server_error_counts_whatever_was_tried(check: HostileCheck) -> None:
    suspicion = found(check, ok({"status": 500}, 500), ok())
    assert suspicion is not None
    assert suspicion.check is HostileCheck.SURVIVES
    assert counts(suspicion)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Traceback (most recent call last):", "a stack trace"),
        ('{"detail": "syntax error at or near \\"x\\""}', "what the database said"),
        ("sqlite3.OperationalError: no such column", "what the database said"),
    ],
)
def test_what_is_inside_is_told_even_by_a_refusal(text: str, shown: str) -> None:
    suspicion = found(HostileCheck.SURVIVES, Answer(status=400, body=text.encode()))
    assert suspicion is not None
    assert (suspicion.check, shown in suspicion.title) == (HostileCheck.INSIDE, True)


def test_no_answer_in_time_counts_and_a_closed_connection_does_not() -> None:
    assert found(HostileCheck.OVERSIZE, Answer(status=0, trouble="no answer within 10 s")) is not None
    assert found(HostileCheck.OVERSIZE, Answer(status=0, trouble="the connection was closed: X")) is None


def test_asking_for_patience_decides_nothing() -> None:
    away = Answer(status=503, headers=LATER)
    assert found(HostileCheck.SURVIVES, away) is None
    assert found(HostileCheck.SURVIVES, Answer(status=503)) is not None
    assert undecided(ok(), away)
    assert undecided(Answer(status=429), None)
    assert not undecided(ok(), None)


@pytest.mark.parametrize("check", [HostileCheck.NO_TOKEN, HostileCheck.OVERSIZE, HostileCheck.WRONG_METHOD])
def test_what_must_be_refused_is_wrong_when_granted(check: HostileCheck) -> None:
    assert found(check, ok(status=201)) is not None
    assert found(check, ok(status=401)) is None


@pytest.mark.parametrize(
    ("hostile", "twin", "control", "wrong"),
    [
        (ok(["a", "b"]), ok([]), ok([]), True),
        (ok({"sku": "a"}), ok({"status": 404}, 404), ok({"status": 404}, 404), True),
        (ok([]), ok([]), ok([]), False),
        (ok(["a"]), ok([]), ok(["a"]), False),  # a search for the words finds as much
        (ok([]), ok(["a"]), ok([]), False),
        (ok({"said": "' OR '1'='1"}), ok({"said": "' OR '1'='2"}), ok({"said": "x"}), False),
        (ok(status=422), ok(status=422), ok(), False),
    ],
)
def test_a_tautology_is_told_by_what_it_finds_beyond_its_honest_twins(
    hostile: Answer, twin: Answer, control: Answer, *, wrong: bool
) -> None:
    assert (found(HostileCheck.TAUTOLOGY, hostile, twin, control, controlled=True) is not None) is wrong


@pytest.mark.parametrize(
    ("hostile", "twin", "wrong"),
    [
        (ok({"id": 1, "title": "mine"}), ok({"id": 1, "title": "mine"}), True),
        (ok({"id": 1, "a": 1, "b": 1, "c": 1, "at": 2}), ok({"id": 1, "a": 1, "b": 1, "c": 1, "at": 3}), True),
        (ok(status=404), ok({"id": 1}), False),
        (ok({"items": [{"id": 9}]}), ok({"items": [{"id": 1}]}), False),
        (ok({"items": [], "next": None}), ok({"items": [], "next": None}), False),
        (ok(status=202), None, True),
        (ok(status=403), None, False),
    ],
)
def test_another_customer_must_not_get_the_same(hostile: Answer, twin: Answer | None, *, wrong: bool) -> None:
    assert (found(HostileCheck.ANOTHER, hostile, twin) is not None) is wrong


@pytest.mark.parametrize(
    ("hostile", "twin", "control", "wrong"),
    [
        (ok({"who": "bob"}), ok({"who": "alice"}), ok({"who": "alice"}), True),
        (ok(status=404), ok({"who": "alice"}), ok({"who": "alice"}), True),
        (ok({"who": "alice"}), ok({"who": "alice"}), ok({"who": "alice"}), False),
        (ok({"at": 1}), ok({"at": 2}), ok({"at": 3}), False),  # each answer differs anyhow
        (ok(status=404), ok(status=404), ok(status=404), False),
    ],
)
def test_a_header_from_outside_must_change_nothing(
    hostile: Answer, twin: Answer, control: Answer, *, wrong: bool
) -> None:
    told = found(HostileCheck.TRUSTED_HEADER, hostile, twin, control, controlled=True)
    assert (told is not None) is wrong


def test_a_header_from_outside_must_let_nobody_in() -> None:
    assert found(HostileCheck.TRUSTED_HEADER, ok(), ok(status=401)) is not None
    assert found(HostileCheck.TRUSTED_HEADER, ok(), ok()) is None
    assert found(HostileCheck.TRUSTED_HEADER, ok(status=401), ok(status=401)) is None


def test_a_host_from_outside_must_not_come_back() -> None:
    there = Answer(status=302, headers=(("Location", "https://harness.invalid/x"),))
    assert found(HostileCheck.TRUSTED_HEADER, there, needle="harness.invalid") is not None
    assert found(HostileCheck.TRUSTED_HEADER, ok({"to": "/x"}), needle="harness.invalid") is None
    assert found(HostileCheck.TRUSTED_HEADER, ok({"no": "harness.invalid"}, 400), needle="harness.invalid") is None


def test_a_script_runs_only_in_a_page_that_holds_it_as_it_is() -> None:
    script = "<script>x</script>"
    assert found(HostileCheck.SCRIPT, Answer(status=200, headers=PAGE, body=script.encode()), needle=script)
    escaped = Answer(status=200, headers=PAGE, body=b"&lt;script&gt;")
    assert found(HostileCheck.SCRIPT, escaped, needle=script) is None
    assert found(HostileCheck.SCRIPT, ok({"said": script}), needle=script) is None


def test_likeness_is_of_values_and_never_breaks() -> None:
    assert likeness(ok([1, 2]), ok([1, 3])) == 0.5
    assert likeness(ok(), ok()) == 1.0
    deep = Answer(status=200, body=b"[" * 99_999)
    assert likeness(deep, deep) == 1.0
