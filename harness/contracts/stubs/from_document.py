"""A stub of a provider from its OpenAPI document, for a consumer that has no pact with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import JsonValue

from harness.contracts.leaf_matchers import brief
from harness.contracts.stubs.from_pact import path_rule
from harness.contracts.stubs.made_up import MadeUp, media_types
from harness.contracts.stubs.model import Answer, Expected, Stubbed
from harness.contracts.stubs.play import Stub
from harness.declare.journeys import parse_openapi
from harness.errors import ContractError

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
_PLACE = re.compile(r"\{[^/{}]+\}")
_FIRST_ERROR = 400


def stub_of_document(file: Path, *, consumer: str, provider: str) -> Stub:
    """The operations of a document; each of its answers is chosen by its status, the good one by itself.

    What a request brings along is not looked at: the document does not say what this consumer sends.

    Raises:
        ContractError: when it can't be read, or describes no operation.
    """
    try:
        if file.stat().st_size > MAX_DOCUMENT_BYTES:
            raise ContractError(f"{file}: expected at most {MAX_DOCUMENT_BYTES} bytes, found {file.stat().st_size}")
        document = parse_openapi(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ContractError(f"the OpenAPI document {file} can't be read: {error}") from error
    interactions = tuple(_interactions(document)) if isinstance(document, dict) else ()
    if not interactions:
        raise ContractError(f"{file}: expected an OpenAPI document with operations, found none")
    return Stub(consumer=consumer, provider=provider, source=file.name, interactions=interactions)


def _interactions(document: Mapping[str, JsonValue]) -> Iterator[Stubbed]:
    paths, made_up = document.get("paths"), MadeUp(document)
    templates = paths if isinstance(paths, dict) else {}
    prefix = _prefix(document)
    for template in sorted(templates, key=lambda each: (len(_PLACE.findall(each)), each)):
        item = made_up.resolved(templates[template])
        for method in METHODS:
            operation = made_up.resolved(item.get(method)) if method in item else None
            answers = operation.get("responses") if operation is not None else None
            for status, response in sorted((answers if isinstance(answers, dict) else {}).items(), key=_good_first):
                told = status.upper().replace("XX", "00")
                if told.isdigit():
                    answer = _answer(made_up, int(told), made_up.resolved(response))
                    yield _stubbed(method.upper(), prefix + template, answer)


def _good_first(answer: tuple[str, JsonValue]) -> tuple[bool, str]:
    return (not answer[0].startswith("2"), answer[0])


def _stubbed(method: str, template: str, answer: Answer) -> Stubbed:
    return Stubbed(
        description=f"{method} {template}",
        states=(str(answer.status),) if answer.status >= _FIRST_ERROR else (),
        expected=Expected(method=method, path=template, path_rule=path_rule(template, _PLACE)),
        answer=answer,
    )


def _answer(made_up: MadeUp, status: int, response: Mapping[str, JsonValue]) -> Answer:
    headers = {name: (value,) for name, value in _headers(made_up, response)}
    for kind, media in media_types(response.get("content")):
        body, wrong = _body(made_up, media)
        told = {"X-Stub-Doubt": (wrong.encode("ascii", "replace").decode(),)} if wrong else {}
        if isinstance(body, dict) and body.get("status") == 0:  # a problem says which status it comes with
            body |= {"status": status}
        return Answer(status=status, headers={**headers, "Content-Type": (kind,), **told}, body=body, body_kind=kind)
    return Answer(status=status, headers=headers)


def _body(made_up: MadeUp, media: Mapping[str, JsonValue]) -> tuple[JsonValue, str]:
    """The first example of a media type, or a value made up; and what is doubtful about that."""
    if media.get("example") is not None:
        return media["example"], ""
    examples = media.get("examples")
    for each in examples.values() if isinstance(examples, dict) else ():
        value = made_up.resolved(each).get("value")
        if value is not None:
            return value, ""
    return made_up.value(media.get("schema"))


def _headers(made_up: MadeUp, response: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    declared = response.get("headers")
    for name, node in declared.items() if isinstance(declared, dict) else ():
        header = made_up.resolved(node)
        value = header.get("example")
        if value is None:
            value = made_up.value(header.get("schema"))[0]
        if value is not None and (header.get("required") is True or header.get("example") is not None):
            yield name, value if isinstance(value, str) else brief(value)


def _prefix(document: Mapping[str, JsonValue]) -> str:
    servers = document.get("servers")
    first: Sequence[JsonValue] = servers[:1] if isinstance(servers, list) else ()
    url = "".join(str(each.get("url", "")) for each in first if isinstance(each, dict))
    return "" if "{" in url else urlsplit(url).path.rstrip("/")
