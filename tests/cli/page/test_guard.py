"""Who comes past the guard: nobody without the token, at another name, or from another page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.cli.page.guard import Asking, Guard

GUARD = Guard(port=8089, token="right")
OWN = "http://127.0.0.1:8089"
PAGE = Asking(
    method="GET", host="127.0.0.1:8089", origin="", site="same-origin", token="", cookies={"harness-8089": "right"}
)
POST = replace(PAGE, method="POST", origin=OWN)


@pytest.mark.parametrize(
    "asking",
    [
        PAGE,
        POST,
        replace(PAGE, cookies={}, token="right", site="none"),
        replace(POST, host="localhost:8089", origin="http://localhost:8089"),
        replace(POST, cookies={}, token="right", site=""),
    ],
)
def test_a_page_of_ours_is_let_in(asking: Asking) -> None:
    assert GUARD.refuses(asking) == ""


@pytest.mark.parametrize(
    ("asking", "why"),
    [
        (replace(PAGE, cookies={}), "the token is missing or wrong"),
        (replace(PAGE, cookies={"harness-8089": "wrong"}), "the token is missing or wrong"),
        (replace(PAGE, cookies={"harness-8090": "right"}), "the token is missing or wrong"),
        (replace(PAGE, cookies={}, token="ü"), "the token is missing or wrong"),
        (replace(PAGE, host="evil.example:8089"), "this is not where the page lives"),
        (replace(PAGE, host="127.0.0.1:8089.evil.example"), "this is not where the page lives"),
        (replace(PAGE, host="127.0.0.1"), "this is not where the page lives"),
        (replace(PAGE, host=""), "this is not where the page lives"),
        (replace(PAGE, site="cross-site"), "a page that is not ours"),
        (replace(PAGE, site="same-site"), "a page that is not ours"),
        (replace(POST, origin="http://evil.example"), "a page that is not ours"),
        (replace(POST, origin="http://127.0.0.1:9000"), "a page that is not ours"),
        (replace(POST, origin="http://localhost:8089"), "a page that is not ours"),
        (replace(POST, origin="https://127.0.0.1:8089"), "a page that is not ours"),
        (replace(POST, origin="null"), "a page that is not ours"),
        (replace(POST, origin=""), "nobody says which page asks"),
        (replace(POST, method="DELETE", origin=""), "nobody says which page asks"),
    ],
)
def test_everybody_else_is_refused(asking: Asking, why: str) -> None:
    assert why in GUARD.refuses(asking)


def test_each_page_has_a_token_of_its_own_that_nobody_guesses_or_reads_in_a_log() -> None:
    one, other = Guard(port=1), Guard(port=1)
    assert one.token != other.token
    assert len(one.token) >= 43
    assert one.token not in repr(one)
