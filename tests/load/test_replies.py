from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from harness.load.replies import path_of, reply_of


@dataclass
class FastLike:
    """As FastHttpUser's responses look: the body is cached once it was read."""

    status_code: int = 200
    headers: object = field(default_factory=lambda: {"X-Degraded": "stock"})
    _cached_content: bytes | None = b"{}"
    error: Exception | None = None


@dataclass
class RequestsLike:
    status_code: int | None = 200
    headers: dict[str, str] = field(default_factory=dict)
    _content: bytes | bool | None = b"{}"


class Pairs:
    """A multi-dict, as geventhttpclient's headers are."""

    def items(self) -> list[tuple[str, str]]:
        return [("Set-Cookie", "a"), ("set-cookie", "b")]


class WrappingError(Exception):
    def __init__(self, original: Exception) -> None:
        self.original = original


def test_names_of_headers_are_lower_case_and_repeated_ones_joined() -> None:
    assert reply_of("GET", FastLike(), None).headers == {"x-degraded": "stock"}
    assert reply_of("GET", FastLike(headers=Pairs()), None).headers == {"set-cookie": "a, b"}


@pytest.mark.parametrize("response", [FastLike(_cached_content=None), RequestsLike(_content=False)])
def test_a_body_that_nobody_read_is_left_alone(response: object) -> None:
    assert reply_of("GET", response, None).body is None


def test_no_answer_has_status_0_and_says_why() -> None:
    reply = reply_of("GET", FastLike(status_code=0, headers=None, error=ConnectionResetError("cut")), None)
    assert (reply.status, reply.body, reply.error) == (0, b"{}", "ConnectionResetError: cut")
    assert reply_of("GET", RequestsLike(status_code=None), TimeoutError("late")).error == "TimeoutError: late"


def test_the_cause_is_told_instead_of_the_wrapper() -> None:
    assert reply_of("GET", FastLike(status_code=0), WrappingError(TimeoutError("late"))).error == "TimeoutError: late"


def test_locusts_complaint_about_a_status_is_no_error_of_its_own() -> None:
    assert reply_of("GET", FastLike(status_code=503), RuntimeError("bad status")).error == ""
    assert reply_of("GET", FastLike(), RuntimeError("wrong data")).error == "RuntimeError: wrong data"


def test_a_request_that_is_not_http_is_judged_by_its_exception() -> None:
    assert reply_of("GRPC", None, None).status == 200
    assert reply_of("GRPC", None, OSError("x")).status == 0


@pytest.mark.parametrize(
    ("url", "path"),
    [("http://h:1/a/b?c=d#e", "/a/b?c=d"), ("http://h", "/"), ("/a", "/a"), ("", "/")],
)
def test_the_path_of_a_url_keeps_its_query(url: str, path: str) -> None:
    assert path_of(url) == path
