from __future__ import annotations

import json
import subprocess

import pytest

from harness.contracts.causes import Cause, CauseKey, shape_of
from harness.contracts.curl import curl
from harness.contracts.presets import excused
from harness.model.fuzzing import Preset
from harness.model.request import Request

STACK = 'Traceback (most recent call last):\n  File "/app/a.py", line {}, in f\n    g({})\nValueError: {} is wrong\n'


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('{"detail": "no row 17"}', '{"detail": "no row 4"}', True),
        ('{"detail": "invalid: \'abc\'"}', '{"detail": "invalid: \'x\'"}', True),
        ('{"detail": "no row 17"}', '{"detail": "no table 17"}', False),
        ('{"detail": "x"}', '{"error": "x"}', False),
        ('{"items": [1, 2]}', '{"items": [1, 2, 3, 4]}', True),
        ('{"at": "8b097d70-c7fa-5cc3-b6e4-9c88b64b26cd"}', '{"at": "00000000-c7fa-5cc3-b6e4-9c88b64b26cd"}', True),
        (STACK.format(7, "'a'", "'a'"), STACK.format(7, "'b'", "'b'"), True),
        (STACK.format(7, "1", "1"), STACK.format(8, "1", "1"), False),
        ("Internal Server Error", "Internal Server Error", True),
        ("[" * 5000, "[" * 5000, True),
    ],
)
def test_the_same_thing_going_wrong_has_the_same_shape(one: str, other: str, *, same: bool) -> None:
    assert (shape_of(one.encode()) == shape_of(other.encode())) is same


def test_a_shape_is_bounded_whatever_came() -> None:
    assert len(shape_of(json.dumps({f"key-{n}" * 9: "x" * 999 for n in range(999)}).encode())) < 1000


def request(body: bytes | None, path: str = "/x") -> Request:
    return Request(method="POST", url=f"http://h{path}", headers=(("Content-Type", "application/json"),), body=body)


def cause(check: str, status: int, told: str) -> Cause:
    key = CauseKey(operation="POST /x", check=check, status=status)
    return Cause(key=key, title="t", severity="low", told=(told,), request=request(b""))


@pytest.mark.parametrize(
    ("found", "let_go"),
    [
        (cause("status_code_conformance", 400, 'answer 400: {"detail":"There was an error parsing the body"}'), True),
        (cause("status_code_conformance", 400, 'answer 400: {"detail":"no"}'), False),
        (cause("status_code_conformance", 418, "There was an error parsing the body"), False),
        (cause("negative_data_rejection", 201, "Invalid component: in body - size: Incorrect type"), True),
        (cause("negative_data_rejection", 201, "Invalid component: in body - size: Value greater than maximum"), False),
        (cause("not_a_server_error", 500, "Incorrect type"), False),
    ],
)
def test_a_preset_lets_go_what_the_framework_does_and_nothing_else(found: Cause, *, let_go: bool) -> None:
    assert excused(found, Preset.FASTAPI) is let_go
    assert not excused(found, None)


@pytest.mark.parametrize("length", [10, 5000, 200_000])
def test_a_curl_line_of_any_length_sends_the_same(length: int) -> None:
    body = json.dumps({"it's": "x" * length}).encode()
    line = curl(request(body))
    assert len(line) < 5000
    shown = line.replace("curl -i -g --path-as-is -X POST", "cat_body() { while [ $# -gt 1 ]; do shift; "
                         'case $1 in --data-binary) if [ "$2" = "@-" ]; then cat; else printf %s "$2"; fi;; esac; '
                         "done; }; cat_body", 1)  # fmt: skip
    if line.startswith("{"):
        head, _, _ = line.partition(" | curl")
        shown = head
    sent = subprocess.run(["bash", "-c", shown], capture_output=True, check=True)  # noqa: S607 -- the shell of people
    assert sent.stdout == body
