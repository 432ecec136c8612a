from __future__ import annotations

from harness.load.answers import Judged, Reply
from harness.load.distinct import BODY_LIMIT, HEADER_LIMIT, HEADERS_LIMIT, Asked, DistinctAnswers
from harness.load.seconds import OTHER
from harness.model.observation import AnswerClass

FULL = Judged(answer=AnswerClass.FULL, shape="s")


def asked(request: str = "GET /products/{sku}", path: str = "/products/1") -> Asked:
    return Asked(journey="browse", request=request, path=path)


def reply(body: bytes = b"{}", status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(method="GET", status=status, headers=headers or {"content-type": "application/json"}, body=body)


def test_a_kind_is_kept_once_with_its_first_sample_and_its_count() -> None:
    distinct = DistinctAnswers()
    distinct.add(asked(), reply(b'{"a": 1}'), FULL, 1.5)
    distinct.add(asked(path="/products/2"), reply(b'{"a": 2}'), FULL, 2.5)
    (kept,) = distinct.take()
    assert (kept.count, kept.t, kept.path, kept.body, kept.content_type) == (
        2,
        1.5,
        "/products/1",
        '{"a": 1}',
        "application/json",
    )


def test_request_status_class_and_shape_tell_kinds_apart() -> None:
    distinct = DistinctAnswers()
    distinct.add(asked(), reply(), FULL, 1)
    distinct.add(asked("GET /"), reply(), FULL, 1)
    distinct.add(asked(), reply(status=201), FULL, 1)
    distinct.add(asked(), reply(), Judged(answer=AnswerClass.DEGRADED, shape="s"), 1)
    distinct.add(asked(), reply(), Judged(answer=AnswerClass.FULL, shape="t"), 1)
    assert len(distinct.take()) == 5


def test_what_was_taken_is_forgotten() -> None:
    distinct = DistinctAnswers()
    distinct.add(asked(), reply(), FULL, 1)
    assert len(distinct.take()) == 1
    assert distinct.take() == ()


def test_a_long_body_is_cut_and_says_so() -> None:
    distinct = DistinctAnswers()
    distinct.add(asked(), reply(b"x" * (BODY_LIMIT + 1)), FULL, 1)
    distinct.add(asked("GET /"), reply(b"x" * BODY_LIMIT), FULL, 1)
    long, short = distinct.take()
    assert (len(long.body), long.truncated) == (BODY_LIMIT, True)
    assert (len(short.body), short.truncated) == (BODY_LIMIT, False)


def test_headers_and_paths_are_bounded_and_any_bytes_are_shown() -> None:
    distinct = DistinctAnswers()
    many = {f"h{number}": "v" * 5_000 for number in range(200)}
    distinct.add(asked(path="/" + "p" * 5_000), reply(b"\xff\x00", headers=many), FULL, 1)
    (kept,) = distinct.take()
    assert (len(kept.headers), len(kept.headers["h0"]), len(kept.path)) == (HEADERS_LIMIT, HEADER_LIMIT, HEADER_LIMIT)
    assert kept.body == "\ufffd\x00"


def test_beyond_the_bound_kinds_are_merged_and_no_count_is_lost() -> None:
    distinct = DistinctAnswers(limit=3)
    for number in range(10):
        distinct.add(asked(f"GET /{number}"), reply(), FULL, number)
    kept = distinct.take()
    assert len(kept) == 4
    assert sum(each.count for each in kept) == 10
    assert kept[-1].count == 7
    assert OTHER not in {each.request for each in kept[:3]}
