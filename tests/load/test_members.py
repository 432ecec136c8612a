from __future__ import annotations

import re
from dataclasses import asdict, replace
from typing import Any

import pytest

from harness.load.fleet_wire import Hello, digest_of, heard, hello_of_this_process
from harness.load.members import Member, Members
from harness.load.wire import Begin
from harness.model.declared import DegradedMark

TEXT = b"from locust import *"
HELLO = replace(hello_of_this_process(), machine="north", pid=17)


def begin(*, pool: int = 10, host: str = "http://127.0.0.1:8000") -> Begin:
    return Begin(
        locustfile="/x/locustfile.py",
        hosts=(host,),
        journeys=("good",),
        deadlines={},
        degraded=DegradedMark(header="X-Degraded"),
        seed=1,
        pool=pool,
        path=(),
        history="",
        run_began=0.0,
    )


def said(**changed: Any) -> dict[str, Any]:
    return asdict(replace(HELLO, **changed))


def members(workers: int = 3) -> Members:
    return Members(begin(), workers=workers, text=TEXT)


def welcomed(room: Members, client: str, **changed: Any) -> Member:
    member = room.welcome(client, said(**changed))
    assert isinstance(member, Member), member
    return member


def test_each_worker_has_a_share_of_its_own_and_all_places_are_given_out() -> None:
    room = members()
    shares = [welcomed(room, client).begin for client in "abc"]
    assert [(each.worker, each.workers, each.name) for each in shares] == [(0, 3, "1"), (1, 3, "2"), (2, 3, "3")]
    assert [each.pool for each in shares] == [4, 3, 3]


def test_a_worker_that_has_a_number_gets_the_share_of_that_number() -> None:
    room = members()
    second, unnamed, third = (welcomed(room, "a", name="2"), welcomed(room, "b"), welcomed(room, "c", name="3"))
    assert [each.index for each in (second, unnamed, third)] == [1, 0, 2]
    assert [each.name for each in (second, unnamed, third)] == ["2", "1", "3"]


def test_a_fleet_is_complete_when_all_have_loaded() -> None:
    room = members(workers=2)
    first, second = welcomed(room, "a"), welcomed(room, "b")
    first.ready = True
    assert not room.complete
    second.ready = True
    assert room.complete


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"protocol": 99, "harness": "9.9"}, "speaks protocol 99 of harness 9.9, this master is harness"),
        (
            {"harness": "9.9"},
            r"a worker on north \(process 17\) is harness 9\.9, this master is harness",
        ),
        ({"locust": "1.0.0"}, r"has Locust 1\.0\.0, this master has .*; install the same version on all machines"),
        ({"digest": digest_of(b"another")}, "has another locustfile than this master; give it the same, or none"),
        ({"pid": "what"}, "said what is no hello: 1 fields of it are wrong"),
    ],
)
def test_a_worker_that_does_not_fit_is_refused_with_the_reason(changed: dict[str, Any], why: str) -> None:
    answer = members().welcome("a", asdict(HELLO) | changed)
    assert isinstance(answer, str)
    assert re.search(why, answer), answer


def test_what_is_no_hello_at_all_is_refused() -> None:
    assert isinstance(heard(None), str)
    assert isinstance(heard({}), str)
    assert isinstance(heard(asdict(HELLO)), Hello)


def test_the_same_locustfile_may_be_there_already() -> None:
    welcomed(members(), "a", digest=digest_of(TEXT))


def test_whoever_comes_too_late_or_twice_or_by_a_taken_name_is_refused() -> None:
    room = members(workers=2)
    welcomed(room, "a", name="2")
    assert "said hello twice" in str(room.welcome("a", said()))
    assert "calls itself '2', and so does another" in str(room.welcome("b", said(name="2")))
    welcomed(room, "b")
    assert "is one too many: all 2 are there" in str(room.welcome("c", said()))


def test_an_uncertain_clock_and_an_address_of_the_own_machine_are_doubts() -> None:
    room = members()
    here, there = welcomed(room, "a"), welcomed(room, "b", boot="other", clock_doubt_s=0.25)
    assert room.doubts(here, HELLO.boot) == []
    clock, address = room.doubts(there, HELLO.boot)
    assert "the clock of worker 2 on north is known to 250 ms only" in clock
    assert "runs on another machine (north), and http://127.0.0.1:8000 is its own" in address
    elsewhere = Members(begin(host="http://shop:8000"), workers=1, text=TEXT)
    assert elsewhere.doubts(welcomed(elsewhere, "a", boot="other"), HELLO.boot) == []
