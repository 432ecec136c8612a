"""Reads the events that Schemathesis writes, one JSON document a line."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from harness.contracts.causes import SERVER_ERROR, Cause, CauseKey, shape_of
from harness.model.hostile import Honest
from harness.model.request import Request

SHOWN_BODY_CHARS = 400
SHAPES_LIMIT = 5
"""Shapes of one operation, check and status that count as causes of their own; bodies may echo what was sent."""
HONEST_LIMIT = 5
"""Requests kept of each operation, for the hostile ones that are made from them."""
UNAVAILABLE = 503
_REFUSALS = (401, 403)
_STATEFUL = "Stateful tests"
_ORDER = {"critical": 0, "high": 1, "medium": 2, "low": 3}


@dataclass(slots=True, kw_only=True)
class FuzzReport:
    """A run of the fuzzer, as far as it came."""

    operations_total: int = 0
    operations: set[str] = field(default_factory=set)
    """`GET /products/{sku}`, as the document has them."""
    reached: dict[str, Counter[int]] = field(default_factory=dict)
    """Operation → how often each status came."""
    answered: int = 0
    found: dict[CauseKey, Cause] = field(default_factory=dict)
    honest: dict[str, list[Honest]] = field(default_factory=dict)
    """Operation → requests that nothing was wrong with: those that succeeded, else those that did not break it."""
    unavailable: int = 0
    """Failures that were no more than a 503 as it should be, with problem+json and Retry-After."""
    errors: list[str] = field(default_factory=list)
    completed: bool = False

    @property
    def causes(self) -> list[Cause]:
        """The worst first."""
        return sorted(self.found.values(), key=lambda each: (_ORDER.get(each.severity, 9), each.key))


def redact_report(file: Path, redact: Callable[[str], str]) -> None:
    """Take secrets out of what a run wrote, out of bodies too; a line that was cut short is left out."""
    if not file.exists():
        return
    clean = file.with_suffix(".clean")
    with file.open(encoding="utf-8", errors="replace") as lines, clean.open("w", encoding="utf-8") as kept:
        for line in lines:
            try:
                document = json.loads(line)
            except ValueError:
                break
            kept.write(redact(json.dumps(_with_clean_bodies(document, redact), ensure_ascii=False)) + "\n")
    clean.replace(file)


def _with_clean_bodies(node: object, redact: Callable[[str], str]) -> object:
    """The same with each body, which is written as base64, without secrets."""
    match node:
        case {"$base64": str(encoded)}:
            # Every byte is a character of latin-1, and a secret is plain ASCII.
            clean = redact(base64.b64decode(encoded).decode("latin-1")).encode("latin-1")
            return {"$base64": base64.b64encode(clean).decode()}
        case dict():
            return {key: _with_clean_bodies(value, redact) for key, value in node.items()}
        case list():
            return [_with_clean_bodies(value, redact) for value in node]
        case _:
            return node


def read_report(file: Path) -> FuzzReport:
    """What a run wrote, up to where it was cut; an empty report when it wrote nothing."""
    report = FuzzReport()
    for kind, event in _events(file):
        match kind:
            case "LoadingFinished":
                counted = event["statistic"]["operations"]
                report.operations_total = int(counted.get("selected", counted["total"]))
            case "ScenarioFinished":
                _scenario(report, event.get("recorder") or {}, str(event.get("phase", "")))
            case "NonFatalError" | "FatalError":
                _error(report, event)
            case "EngineFinished":
                report.completed = event.get("stop_reason") == "completed"
    return report


def _events(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if not file.exists():
        return
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                document = json.loads(line)
            except ValueError:
                return  # the line that was being written when the run was stopped
            for kind, event in document.items():
                if isinstance(event, dict):
                    yield kind, event


def _error(report: FuzzReport, event: Mapping[str, Any]) -> None:
    value = event.get("value") or event.get("exception") or {}
    told = f"{event.get('label', '')}: {value.get('type', 'error')}: {value.get('message', '')}"[:SHOWN_BODY_CHARS]
    if told not in report.errors:
        report.errors.append(told)


def _scenario(report: FuzzReport, recorder: Mapping[str, Any], phase: str) -> None:
    label = str(recorder.get("label", ""))
    if phase != "stateful" and label and label != _STATEFUL:
        report.operations.add(label)
    interactions = recorder.get("interactions") or {}
    for case, interaction in interactions.items():
        response = interaction.get("response")
        if not response:
            continue
        report.answered += 1
        value = ((recorder.get("cases") or {}).get(case) or {}).get("value") or {}
        operation = f"{value.get('method', '')} {value.get('path', '')}"
        if operation in report.operations:
            report.reached.setdefault(operation, Counter())[int(response["status_code"])] += 1
            _keep(report.honest.setdefault(operation, []), operation, value, response)
    for case, checks in (recorder.get("checks") or {}).items():
        for check in checks:
            if check.get("status") == "failure" and case in interactions:
                _failure(report, label, phase, check, interactions[case])


def _keep(kept: list[Honest], operation: str, value: Mapping[str, Any], response: Mapping[str, Any]) -> None:
    status = int(response["status_code"])
    fine = status // 100 == 2  # noqa: PLR2004 -- the class of success
    positive = ((value.get("meta") or {}).get("generation") or {}).get("mode") == "positive"
    if not positive or status in {429, *range(SERVER_ERROR, 600)}:
        return
    if not fine and kept:
        if kept[0].status in _REFUSALS and status not in _REFUSALS:
            kept.clear()
        else:
            return
    if fine:
        kept[:] = [each for each in kept if each.status // 100 == 2][-(HONEST_LIMIT - 1) :]  # noqa: PLR2004 -- as above
    body = value.get("body")
    kept.append(
        Honest(
            operation=operation,
            path=_texts(value.get("path_parameters")),
            query=_texts(value.get("query")),
            headers=_texts(value.get("headers")),
            body=None if isinstance(body, dict) and "$base64" in body else body,
            media=str(value.get("media_type") or ""),
            status=status,
            answer=_document(_bytes(response.get("content"))) if fine else None,
        )
    )


def _texts(named: object) -> dict[str, str]:
    """Simple values by their names; others can't be told from text again."""
    if not isinstance(named, dict):
        return {}
    plain = {str(name): value for name, value in named.items() if isinstance(value, str | int | float | bool)}
    return {name: json.dumps(value) if isinstance(value, bool) else str(value) for name, value in plain.items()}


def _document(body: bytes | None) -> JsonValue:
    try:
        document: JsonValue = json.loads(body or b"null")
    except (ValueError, RecursionError):
        return None
    return document


def _failure(
    report: FuzzReport, label: str, phase: str, check: Mapping[str, Any], interaction: Mapping[str, Any]
) -> None:
    failure = (check.get("failure_info") or {}).get("failure") or {}
    response = interaction.get("response") or {}
    status = int(response.get("status_code") or 0)
    if check.get("name") == "not_a_server_error" and _asks_for_patience(status, response):
        report.unavailable += 1
        return
    key = CauseKey(
        operation=str(failure.get("operation") or label),
        check=str(check.get("name", "")),
        status=status,
        shape=_shape(failure, response),
    )
    cause = Cause(
        key=_bounded(report, key),
        title=str(failure.get("title") or check.get("name", "")),
        severity=str(failure.get("severity", "")),
        told=tuple(_told(failure, response)),
        request=_request(interaction["request"]),
        phase=phase,
    )
    known = report.found.setdefault(cause.key, cause)
    if known is not cause:
        known.count += 1
        if _size(cause.request) < _size(known.request):
            known.request, known.told = cause.request, cause.told


def _asks_for_patience(status: int, response: Mapping[str, Any]) -> bool:
    """Whether something that the service needs was away, and it said so as it should."""
    headers = {str(name).lower(): str(_listed(value)[0]) for name, value in (response.get("headers") or {}).items()}
    problem = headers.get("content-type", "").startswith("application/problem+json")
    return status == UNAVAILABLE and problem and "retry-after" in headers


def _shape(failure: Mapping[str, Any], response: Mapping[str, Any]) -> str:
    """What else tells causes of one operation, check and status apart; mostly nothing does."""
    if int(response.get("status_code") or 0) >= SERVER_ERROR:
        return shape_of(_bytes(response.get("content")) or b"")
    if "schema_path" in failure:
        return f"{failure['schema_path']}"
    return ""


def _bounded(report: FuzzReport, key: CauseKey) -> CauseKey:
    if key in report.found:
        return key
    alike = [each for each in report.found if replace(each, shape="") == replace(key, shape="")]
    return key if len(alike) < SHAPES_LIMIT else alike[-1]


def _size(request: Request) -> int:
    return len(request.url) + len(request.body or b"")


def _told(failure: Mapping[str, Any], response: Mapping[str, Any]) -> Iterator[str]:
    yield from str(failure.get("message", "")).splitlines()
    body = _bytes(response.get("content"))
    if body:
        yield f"answer {response.get('status_code')}: {body.decode('utf-8', 'replace')[:SHOWN_BODY_CHARS]}"


def _request(raw: Mapping[str, Any]) -> Request:
    headers = raw.get("headers") or {}
    pairs = tuple((str(name), str(value)) for name, values in headers.items() for value in _listed(values))
    return Request(method=str(raw["method"]), url=str(raw["uri"]), headers=pairs, body=_bytes(raw.get("body")))


def _listed(values: object) -> list[object]:
    return values if isinstance(values, list) else [values]


def _bytes(encoded: object) -> bytes | None:
    if isinstance(encoded, dict) and "$base64" in encoded:
        return base64.b64decode(encoded["$base64"])
    return encoded.encode() if isinstance(encoded, str) else None
