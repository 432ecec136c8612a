from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.declare.har import read_recording
from harness.errors import DeclarationError
from harness.model.steps import Step

HOST = "http://shop.test:8000"


def entry(  # noqa: PLR0913 -- what an entry has
    request: str,
    *,
    status: int = 200,
    sends: dict[str, str] | None = None,
    posts: tuple[str, str] | None = None,
    answers: object = None,
    kind: str = "application/json",
    gives: dict[str, str] | None = None,
) -> dict[str, Any]:
    method, url = request.split(" ")
    asked: dict[str, Any] = {
        "method": method,
        "url": url if "://" in url else HOST + url,
        "headers": [{"name": name, "value": value} for name, value in (sends or {}).items()],
    }
    if posts is not None:
        asked["postData"] = {"mimeType": posts[0], "text": posts[1]}
    text = answers if isinstance(answers, str) else json.dumps(answers)
    told = {
        "status": status,
        "headers": [{"name": name, "value": value} for name, value in (gives or {}).items()],
        "content": {"mimeType": kind, "text": text},
    }
    return {"request": asked, "response": told, "startedDateTime": "2026-01-01T00:00:00Z", "time": 1}


def recorded(directory: Path, *entries: dict[str, Any]) -> tuple[Step, ...]:
    file = directory / "shop.har"
    file.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}), encoding="utf-8")
    return read_recording(file)


def test_only_what_was_asked_of_the_first_page_s_host_is_kept(tmp_path: Path) -> None:
    steps = recorded(
        tmp_path,
        entry("GET https://cdn.test/lib.js", kind="application/javascript"),
        entry("GET /", kind="text/html"),
        entry("GET /style.css", kind="text/css"),
        entry("GET /logo", kind="image/png"),
        entry("OPTIONS /cart", sends={"Access-Control-Request-Method": "PUT"}),
        entry("GET https://metrics.test/beacon"),
        entry("GET /products?page=1"),
    )
    assert [step.request for step in steps] == ["GET /", "GET /products?page=1"]
    assert steps[0].check.status == ("2xx",)


def test_methods_and_bodies_are_kept(tmp_path: Path) -> None:
    steps = recorded(
        tmp_path,
        entry("PUT /cart", posts=("application/json; charset=utf-8", '{"quantity":2,"note":"{x}"}')),
        entry("POST /login", posts=("application/x-www-form-urlencoded", "user=anna&pass=a%20b")),
        entry("POST /raw", posts=("text/plain", "hello {name}")),
    )
    assert steps[0].json_body == {"quantity": 2, "note": "{{x}}"}
    assert steps[1].form == {"user": "anna", "pass": "a b"}
    assert steps[2].body == "hello {{name}}"


def test_what_an_earlier_answer_told_becomes_a_capture(tmp_path: Path) -> None:
    steps = recorded(
        tmp_path,
        entry("POST /sessions", answers={"access_token": "tok-123456789", "user": {"id": 17}}),
        entry("GET /users/17", sends={"Authorization": "Bearer tok-123456789"}),
        entry("POST /orders", status=303, gives={"Location": f"{HOST}/orders/a8b7c6d5?full=1"}),
        entry("GET /orders/a8b7c6d5?full=1"),
    )
    assert steps[0].capture == {"access_token_1": "/access_token", "id_1": "/user/id"}
    assert steps[1].request == "GET /users/{id_1}"
    assert steps[1].headers == {"Authorization": "Bearer {access_token_1}"}
    assert steps[2].capture == {"location_3": "header Location"}
    assert steps[3].request == "GET {location_3}"


def test_cookies_and_tokens_that_no_answer_told_stay_out(tmp_path: Path) -> None:
    secret = "s3cr3t-value-of-somebody"
    steps = recorded(
        tmp_path,
        entry(
            f"GET /cart?access_token={secret}&page=2",
            sends={
                "Authorization": f"Bearer {secret}",
                "Cookie": f"sid={secret}",
                "X-Api-Key": secret,
                "Connection": "keep-alive",
                "sec-ch-ua": "x",
                "If-None-Match": '"abc"',
                ":authority": "shop.test",
                "X-Tenant": "blue",
            },
            status=304,
        ),
    )
    assert secret not in steps[0].model_dump_json()
    assert steps[0].headers == {"X-Tenant": "blue"}
    assert steps[0].request == "GET /cart?access_token=redacted&page=2"
    assert steps[0].check.status == ("2xx",)


def test_a_short_text_is_no_capture_since_it_is_alike_by_chance(tmp_path: Path) -> None:
    steps = recorded(tmp_path, entry("GET /a", answers={"colour": "red"}), entry("GET /search?q=red"))
    assert steps[1].request == "GET /search?q=red"
    assert not steps[0].capture


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"log": {\n"entries" [', "shop.har:2:11: is not JSON"),
        ('{"log": {}}', "is no HAR: log.entries"),
        ('{"log": {"entries": []}}', "nothing is left of it"),
        ("[]", "is no HAR"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "shop.har").write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError, match=told.replace("[", r"\[")):
        read_recording(tmp_path / "shop.har")


def test_a_recording_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="can't be read: No such file"):
        read_recording(tmp_path / "none.har")
