"""How Locust's errors are told as trouble; the real ones are in test_visiting.py."""

from __future__ import annotations

import socket

import pytest
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from requests import exceptions as requests_errors

from harness.load.answers import Reply
from harness.load.recorded import trouble_of
from harness.model.visits import Trouble


class Wrapped(Exception):  # noqa: N818 -- as geventhttpclient's RetriesExceeded
    def __init__(self, original: Exception) -> None:
        super().__init__("wrapped")
        self.original = original


def reply(status: int, body: bytes | None = None, **headers: str) -> Reply:
    return Reply(method="GET", status=status, headers=headers, body=body)


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (ConnectionRefusedError(), Trouble.REFUSED),
        (Wrapped(ConnectionRefusedError()), Trouble.REFUSED),
        (socket.gaierror(), Trouble.REFUSED),
        (TimeoutError(), Trouble.TIMEOUT),
        (requests_errors.ReadTimeout(), Trouble.TIMEOUT),
        (ConnectionResetError(), Trouble.RESET),
        (HTTPConnectionClosed("connection closed."), Trouble.RESET),
        (requests_errors.ConnectionError(), Trouble.RESET),
        (HTTPParseError("Invalid EOF state", 14), Trouble.TRUNCATED),
        (HTTPParseError("connection closed before end of the headers"), Trouble.TRUNCATED),
        (HTTPParseError("Expected HTTP/, RTSP/ or ICE/", 8), Trouble.INVALID),
        (KeyError("x"), Trouble.INVALID),
    ],
)
def test_a_request_without_an_answer_is_told_by_its_error(error: Exception, trouble: Trouble) -> None:
    assert trouble_of(reply(0), error) is trouble


def test_an_answer_that_ended_early_is_truncated_or_late() -> None:
    assert trouble_of(reply(200), HTTPParseError("Incomplete response.")) is Trouble.TRUNCATED
    assert trouble_of(reply(200), ConnectionResetError()) is Trouble.TRUNCATED
    assert trouble_of(reply(200), TimeoutError()) is Trouble.TIMEOUT
    assert trouble_of(reply(200, b"ab", **{"content-length": "3"}), None) is Trouble.TRUNCATED


def test_what_a_locustfile_finds_wrong_with_a_whole_answer_is_no_trouble() -> None:
    assert trouble_of(reply(200, b"abc"), ValueError("wrong data")) is None
    assert trouble_of(reply(503, b"{}"), OSError("503")) is None
