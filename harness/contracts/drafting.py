"""Turns traffic seen on an edge into a draft pact, to give a consumer a start.

A draft says what was seen, not what the consumer needs: somebody who knows must take out what it does not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from harness.contracts.guessing import Guess, Matcher
from harness.contracts.secret_parts import open_path, open_query, without_secrets
from harness.model.changes import KeptExchange

SAMPLES_LIMIT = 200
"""Of one kind of request that are looked at."""
REMARK = "a draft of recorded traffic: keep what the consumer reads, take out the rest, and give it provider states"
_VARIES = re.compile(r"[0-9a-fA-F-]{8,}|.*[0-9].*")

TemplateOf = Callable[[str, str], str]
"""Method and path → the path as the provider's document writes it; empty when it says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A draft pact."""

    consumer: str
    provider: str
    document: dict[str, JsonValue]
    redacted: frozenset[str]
    """Descriptions of interactions whose request held a secret: they can't be verified as they are."""
    left_out: tuple[str, ...] = ()
    """What was seen and could not be drafted, and why."""
    redact: Callable[[str], str] = str
    """Takes out what is known to be secret besides."""

    @property
    def text(self) -> str:
        """As it is written: the same for the same traffic."""
        return self.redact(json.dumps(self.document, indent=2, sort_keys=True, ensure_ascii=False) + "\n")

    def write(self, directory: Path) -> Path:
        """Write it as a file of its own; gives its path."""
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / f"{self.consumer}-{self.provider}.json"
        unfinished = file.with_suffix(".json.new")
        unfinished.write_text(self.text, encoding="utf-8")
        unfinished.replace(file)
        return file


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Requests that are one interaction."""

    method: str
    template: str
    status: int
    query: tuple[str, ...]
    content_type: str


def draft(
    consumer: str, provider: str, exchanges: Iterable[KeptExchange], *, template_of: TemplateOf = lambda _m, _p: ""
) -> Draft | None:
    """The draft of what was seen on one edge; None when nothing was that could be drafted.

    Args:
        consumer: who asked.
        provider: who answered.
        exchanges: as the HTTP stage saw them.
        template_of: tells which requests are of one operation; without it, parts of paths with digits are ids.
    """
    kinds: dict[_Kind, list[KeptExchange]] = {}
    left_out: dict[str, None] = {}
    for each in exchanges:
        if why := _unfit(each):
            left_out[f"{each.method} {open_path(each.path)[0]} → {each.status}: {why}"] = None
            continue
        found = kinds.setdefault(_kind_of(each, template_of), [])
        if len(found) < SAMPLES_LIMIT:
            found.append(each)
    if not kinds:
        return None
    drafted = [_interaction(kind, samples) for kind, samples in kinds.items()]
    drafted.sort(key=lambda each: str(each[0]["description"]))
    interactions: list[JsonValue] = [dict(each) for each, _ in drafted]
    return Draft(
        consumer=consumer,
        provider=provider,
        document={
            "consumer": {"name": consumer},
            "provider": {"name": provider},
            "interactions": interactions,
            "metadata": {"pactSpecification": {"version": "4.0"}, "draft": REMARK},
        },
        redacted=frozenset(str(each["description"]) for each, hidden in drafted if hidden),
        left_out=tuple(left_out),
    )


def _unfit(exchange: KeptExchange) -> str:
    if exchange.cut:
        return "a body was too large to be kept"
    if exchange.served is not None:
        return "its answer was changed"
    if exchange.status < 200 or exchange.status == 304:  # noqa: PLR2004 -- HTTP's own
        return "it is no answer of its own"
    for body, kind in (
        (exchange.request_body, _type(exchange.request_headers)),
        (exchange.body, _type(exchange.headers)),
    ):
        if body and not (_is_json(kind) and _parsed(body)[0]):
            return f"a body of {kind or 'no content type'} says little"
    return ""


def _kind_of(exchange: KeptExchange, template_of: TemplateOf) -> _Kind:
    bare, _ = open_path(exchange.path)
    template = template_of(exchange.method, bare) or "/".join(
        "{id}" if _VARIES.fullmatch(part) else part for part in bare.split("/")
    )
    return _Kind(
        method=exchange.method,
        template=template,
        status=exchange.status,
        query=tuple(sorted(open_query(exchange.path)[0])),
        content_type=_type(exchange.headers),
    )


def _interaction(kind: _Kind, samples: Sequence[KeptExchange]) -> tuple[dict[str, JsonValue], bool]:
    """One interaction, and whether its request held a secret."""
    chosen = min(samples, key=lambda each: (each.path, each.request_body))
    query = f" with {', '.join(kind.query)}" if kind.query else ""
    description = f"{kind.method} {kind.template}{query}, answered {kind.status}"
    if kind.status != 204 and kind.content_type not in {"", "application/json"}:  # noqa: PLR2004 -- HTTP's own
        description += f" as {kind.content_type}"
    request, asked, hidden = _request(kind, chosen, samples)
    response: dict[str, JsonValue] = {"status": kind.status}
    whys = [REMARK, *asked]
    if chosen.body and kind.method != "HEAD":
        guess = Guess([_parsed(each.body)[1] for each in samples if each.body])
        response |= _body(guess, kind.content_type)
        response["headers"] = {"Content-Type": [kind.content_type]}
        whys += [f"answer {why}" for why in guess.whys]
    interaction: dict[str, JsonValue] = {
        "type": "Synchronous/HTTP",
        "description": description,
        "pending": False,
        "request": request,
        "response": response,
        "comments": {"text": [*whys]},
    }
    return interaction, hidden


def _request(
    kind: _Kind, chosen: KeptExchange, samples: Sequence[KeptExchange]
) -> tuple[dict[str, JsonValue], list[str], bool]:
    """The request of one sample, what may vary in it, and whether it held a secret. No header but the content type."""
    path, hidden = open_path(chosen.path)
    request: dict[str, JsonValue] = {"method": kind.method, "path": path}
    rules: dict[str, JsonValue] = {}
    whys: list[str] = []
    if len({open_path(each.path)[0] for each in samples}) > 1:
        pattern = "[^/]+".join(re.escape(part) for part in re.split(r"\{[^/{}]+\}", _prefixed(kind.template, path)))
        rules["path"] = {"combine": "AND", "matchers": [{"match": "regex", "regex": f"^{pattern}$"}]}
        whys.append("path: parts of it differ between samples")
    query, secret = open_query(chosen.path)
    hidden = hidden or secret
    if query:
        request["query"] = {name: [*values] for name, values in sorted(query.items())}
        others = [open_query(each.path)[0] for each in samples]
        varying = [name for name in sorted(query) if len({tuple(each[name]) for each in others}) > 1]
        if varying:
            rules["query"] = {name: {"combine": "AND", "matchers": [{"match": "type"}]} for name in varying}
            whys.append(f"query: {', '.join(varying)} differ between samples")
    if chosen.request_body:
        bodies = [_parsed(each.request_body)[1] for each in samples if each.request_body]
        guess = Guess(bodies)
        # What is asked is told as one sample asked it, so that it can be asked again.
        body, secret = without_secrets(_parsed(chosen.request_body)[1])
        hidden = hidden or secret
        content_type = _type(chosen.request_headers)
        request["body"] = {"content": body, "contentType": content_type, "encoded": False}
        request["headers"] = {"Content-Type": [content_type]}
        rules["body"] = _matching(guess.rules)
        whys += [f"request {why}" for why in guess.whys]
    if hidden:
        whys.append("request: a secret was redacted, so it can't be asked again as it is")
    return request | ({"matchingRules": rules} if rules else {}), whys, hidden


def _prefixed(template: str, path: str) -> str:
    """The template with what stands before it in the path: the path of the server."""
    missing = len(path.split("/")) - len(template.split("/"))
    return "/".join(path.split("/")[: missing + 1]) + template if missing > 0 else template


def _body(guess: Guess, content_type: str) -> dict[str, JsonValue]:
    body: dict[str, JsonValue] = {"content": guess.example, "contentType": content_type, "encoded": False}
    return {"body": body, "matchingRules": {"body": _matching(guess.rules)}}


def _matching(rules: dict[str, list[Matcher]]) -> JsonValue:
    return {path: {"combine": "AND", "matchers": [dict(each) for each in found]} for path, found in rules.items()}


def _type(headers: Iterable[tuple[str, str]]) -> str:
    found = next((value for name, value in headers if name.lower() == "content-type"), "")
    return found.partition(";")[0].strip().lower()


def _is_json(content_type: str) -> bool:
    return content_type == "application/json" or content_type.endswith("+json")


def _parsed(body: bytes) -> tuple[bool, JsonValue]:
    try:
        document: JsonValue = json.loads(body)
    except (ValueError, RecursionError):
        return False, None
    return True, document
