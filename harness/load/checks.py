"""Whether an answer is what a declared step expects, and what is taken from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from pydantic import JsonValue

from harness.load.answers import Reply, cut_short
from harness.model.pointer import MISSING, pointed
from harness.model.steps import Checks, Sees
from harness.model.templates import as_text, filled, filled_in

SHOWN = 80
"""Characters of a value in a message."""

_HEADER = "header "
_GOOD = range(200, 400)


class Unmet(Exception):  # noqa: N818 -- the journey's end, no error of ours
    """A check that did not hold, in words."""


def unmet_of(checks: Checks, reply: Reply, values: Mapping[str, JsonValue]) -> str | None:
    """The first check that an answer does not hold, in words."""
    if not reply.status or reply.error:
        return reply.error or "no answer came"
    if cut_short(reply):
        return "less came than the headers promise"
    if why := _wrong_status(checks, reply.status):
        return why
    if checks.type is not None and reply.content_type != checks.type.lower():
        return f"expected the content type {checks.type}, found {reply.content_type or 'none'}"
    text = (reply.body or b"").decode(errors="replace")
    for part in checks.contains:
        if (wanted := filled(part, values)) not in text:
            return f"expected {wanted[:SHOWN]!r} in the body"
    return _wrong_document(checks, reply, values) if checks.equal or checks.has else None


def _wrong_status(checks: Checks, status: int) -> str | None:
    wanted = checks.status
    good = any(each in {str(status), f"{status // 100}xx"} for each in wanted) if wanted else status in _GOOD
    return (
        None if good else f"expected {' or '.join(wanted) or '2xx or 3xx'}, found {status} {_phrase(status)}".rstrip()
    )


def _wrong_document(checks: Checks, reply: Reply, values: Mapping[str, JsonValue]) -> str | None:
    document, why = _document(reply)
    if why:
        return why
    for pointer, expected in checks.equal.items():
        found, wanted = pointed(document, pointer), filled_in(expected, values)
        if found is MISSING:
            return f"expected {_shown(wanted)} at {pointer}, found nothing there"
        if found != wanted or isinstance(found, bool) != isinstance(wanted, bool):
            return f"expected {_shown(wanted)} at {pointer}, found {_shown(found)}"
    for pointer in checks.has:
        if pointed(document, pointer) in (MISSING, None):
            return f"expected something at {pointer}, found nothing there"
    return None


def seen(sees: Sees, reply: Reply) -> dict[str, JsonValue] | None:
    """What an answer shows of a thing, by field; None when it does not show it as declared."""
    document, why = _document(reply)
    if why:
        return None
    if sees.rows is None:
        found = {name: pointed(document, pointer) for name, pointer in sees.fields.items()}
        return {name: None if value is MISSING else value for name, value in found.items()}
    rows = pointed(document, sees.rows)
    if not isinstance(rows, list):
        return None
    fit = [row for row in rows if isinstance(row, dict) and sees.field in row]
    if len(fit) < len(rows):
        return None
    return {as_text(row[sees.field]): row.get(sees.value) if sees.value else True for row in fit}


def captured(reply: Reply, name: str, where: str) -> JsonValue:
    """What an answer tells there; raises Unmet when it tells nothing."""
    if where.startswith(_HEADER):
        header = reply.headers.get(where.removeprefix(_HEADER).strip().lower())
        if header is None:
            message = f"no {where} to capture '{name}' from"
            raise Unmet(message)
        return header
    document, why = _document(reply)
    found = MISSING if why else pointed(document, where)
    if found is MISSING or found is None:
        message = f"nothing at {where} to capture '{name}' from" + (f": {why}" if why else "")
        raise Unmet(message)
    return found


def _document(reply: Reply) -> tuple[JsonValue, str]:
    if not reply.body:
        return None, "the body is empty"
    try:
        document: JsonValue = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None, "the body is no JSON"
    return document, ""


def _shown(value: JsonValue) -> str:
    text = json.dumps(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
