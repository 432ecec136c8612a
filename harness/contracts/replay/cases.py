"""Requests that Schemathesis makes from a document: a small run, whose answers are asked for again by ourselves."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.contracts.environment import child_environment
from harness.contracts.replay.candidates import asked, path_of
from harness.contracts.replay.operations import Operations
from harness.model.credentials import Credentials
from harness.model.process import ProcessSpec
from harness.model.replayed import Asked, Source

EXAMPLES = 4
"""Cases of an operation and phase: one that is answered is enough."""
REQUEST_LIMIT_S = 10
REPORT = "report.ndjson"
LINE_LIMIT_CHARS = 16 << 20
"""Of the report: a scenario."""
_VARIABLE = "HARNESS_HEADER_"


def recording(  # noqa: PLR0913 -- all by keyword, and each is a thing of its own
    *, service: str, url: str, document: str, directory: Path, seed: int, credentials: Credentials
) -> ProcessSpec:
    """The process that asks `service`, and writes `REPORT` into a directory of its own.

    Only valid requests are wanted, and no check: what is wrong without a fault is for `harness fuzz` to tell.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "schemathesis.toml").write_text(_settings(credentials), encoding="utf-8")
    program = (sys.executable, "-m", "schemathesis.cli", "run", document, "--url", url)
    profile = ("--phases", "examples,coverage,stateful", "--mode", "positive", "--checks", "not_a_server_error")
    bounds = ("--request-timeout", str(REQUEST_LIMIT_S), "--max-redirects", "0", "--no-color", "--warnings", "off")
    repeatable = ("--seed", str(seed), "--workers", "1", "--max-examples", str(EXAMPLES), "--no-shrink")
    trust = () if credentials.ca is None else ("--tls-verify", str(credentials.ca))
    report = ("--continue-on-failure", "--report", "ndjson", "--report-ndjson-path", str(directory / REPORT))
    return ProcessSpec(
        name=f"record-{service}",
        command=(*program, *profile, *bounds, *repeatable, *trust, *report),
        log=str(directory / "log"),
        env=child_environment(credentials.ca)
        | {f"{_VARIABLE}{index}": value for index, value in enumerate(credentials.headers.values())},
        cwd=str(directory),
    )


def _settings(credentials: Credentials) -> str:
    """Headers that hold secrets come from the environment, and are kept out of the report."""
    names = json.dumps([name.lower() for name in credentials.headers])
    hidden = f'enabled = true\nkeys-to-sanitize = {names}\nsensitive-markers = {names}\nreplacement = "***"'
    output = hidden if credentials.headers else "enabled = false"
    secret = [f'{json.dumps(name)} = "${{{_VARIABLE}{index}}}"' for index, name in enumerate(credentials.headers)]
    told = [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in credentials.marks.items()]
    headers = "\n[headers]\n" + "\n".join([*secret, *told]) if secret or told else ""
    return (
        f'[cache]\nenabled = false\n\n[generation]\ndatabase = "none"\n\n[output.sanitization]\n{output}\n{headers}\n'
    )


def of_report(file: Path, operations: Operations, credentials: Credentials) -> Iterator[Asked]:
    """The requests of a run that were answered with other than an error of the server, without what we send along."""
    without = tuple(credentials.sent)
    for interaction in _interactions(file):
        request, response = interaction.get("request"), interaction.get("response")
        if not isinstance(request, dict) or not isinstance(response, dict):
            continue
        body = _bytes(request.get("body"))
        if int(response.get("status_code") or 0) >= 500 or b"***" in body:  # noqa: PLR2004 -- a server's own error
            continue
        raw = request.get("headers") or {}
        headers = {str(name): _first(value) for name, value in raw.items()}
        found = asked(
            operations,
            Source.CASE,
            method=str(request.get("method")),
            path=path_of(str(request.get("uri"))),
            headers=headers,
            body=body,
            without=(*without, *(name for name in headers if name.lower().startswith("x-schemathesis"))),
        )
        if found is not None:
            yield found


def _interactions(file: Path) -> Iterator[Mapping[str, Any]]:
    if not file.exists():
        return
    with file.open(encoding="utf-8", errors="replace") as lines:
        while line := lines.readline(LINE_LIMIT_CHARS):
            try:
                event = json.loads(line).get("ScenarioFinished")
            except ValueError:
                return  # the line that was being written when the run was stopped
            if isinstance(event, dict):
                yield from ((event.get("recorder") or {}).get("interactions") or {}).values()


def _first(value: object) -> str:
    return str(value[0] if isinstance(value, list) and value else value)


def _bytes(encoded: object) -> bytes:
    if isinstance(encoded, dict) and "$base64" in encoded:
        return base64.b64decode(encoded["$base64"])
    return encoded.encode() if isinstance(encoded, str) else b""
