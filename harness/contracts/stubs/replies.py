"""What an interaction answers to a request."""

from __future__ import annotations

import json
from urllib.parse import unquote

from harness.contracts.echo import Pairs, echoed, pairs_of
from harness.contracts.stubs.model import Expected, Reply, Request, Stubbed, is_json

_OWN_HEADERS = frozenset(
    {"content-length", "transfer-encoding", "connection", "keep-alive", "date", "content-encoding"}
)
"""What the server says by itself."""


def reply_of(interaction: Stubbed, request: Request, *, loosely: bool = False) -> Reply:
    """The answer as agreed, with what the request said where consumer and provider leave the value open."""
    answer, body = interaction.answer, interaction.answer.body
    headers = [(name, ", ".join(values)) for name, values in answer.headers.items() if name.lower() not in _OWN_HEADERS]
    if not answer.body_kind:
        return Reply(status=answer.status, headers=tuple(headers))
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", answer.body_kind))
    if is_json(answer.body_kind):
        told = echoed(body, _pairs(interaction.expected, request), answer.body_rules, everywhere=loosely)
        content = json.dumps(told, ensure_ascii=False).encode()
    else:
        content = str(body).encode("utf-8" if answer.body_kind.startswith("text/") else "latin-1", "replace")
    return Reply(status=answer.status, headers=tuple(headers), body=content)


def _pairs(expected: Expected, request: Request) -> Pairs:
    """What the request has in the places of the example's values."""
    segments = list(zip(expected.path.split("/"), unquote(request.path).split("/"), strict=False))
    found: Pairs = dict(segments)
    if expected.body_kind and is_json(expected.body_kind):
        try:
            found |= pairs_of(expected.body, json.loads(request.body))
        except ValueError:
            return found
    return found
