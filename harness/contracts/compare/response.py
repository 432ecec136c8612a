"""What the consumer expects, held against what the provider may answer."""

from __future__ import annotations

from collections.abc import Iterator

from harness.contracts.compare import media
from harness.contracts.compare.bodies import body_problems
from harness.contracts.compare.document import Operation, Response
from harness.contracts.compare.expectation import Body, ExpectedResponse
from harness.contracts.compare.mismatch import Mismatch, error, warning
from harness.contracts.compare.schemas import Schemas, Side
from harness.contracts.compare.values import header_value

_STANDARD = frozenset(
    (
        "accept-patch",
        "accept-ranges",
        "access-control-allow-origin",
        "age",
        "allow",
        "alt-svc",
        "cache-control",
        "connection",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-length",
        "content-location",
        "content-md5",
        "content-range",
        "content-type",
        "date",
        "etag",
        "expires",
        "last-modified",
        "link",
        "location",
        "pragma",
        "proxy-authenticate",
        "refresh",
        "retry-after",
        "server",
        "set-cookie",
        "strict-transport-security",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "vary",
        "via",
        "warning",
        "www-authenticate",
        "x-frame-options",
    )
)
"""Headers that a document often does not name, though they come."""

_CLASSES = {
    "info": range(100, 200),
    "success": range(200, 300),
    "redirect": range(300, 400),
    "clientError": range(400, 500),
    "serverError": range(500, 600),
    "nonError": range(100, 400),
    "error": range(400, 600),
}


def response_problems(response: ExpectedResponse, operation: Operation, schemas: Schemas) -> Iterator[Mismatch]:
    """What the provider never answers."""
    found = _declared(response, operation)
    if found is None:
        listed = ", ".join(sorted(operation.responses)) or "none"
        wanted = response.status_class or response.status
        yield error("response.status", "response.status", f"{wanted} is not declared (declared: {listed})")
        return
    key, declared = found
    if key == "default":
        yield warning("response.status.default", "response.status", f"{response.status} is declared by default only")
    yield from _header_problems(response, declared, schemas)
    yield from _body_problems(response, declared, schemas)


def _declared(response: ExpectedResponse, operation: Operation) -> tuple[str, Response] | None:
    found = operation.response(response.status)
    if found is not None or response.status_class not in _CLASSES:
        return found
    wanted = _CLASSES[response.status_class]
    for key, each in operation.responses.items():
        if key.isdecimal() and int(key) in wanted:
            return key, each
    return None


def _header_problems(response: ExpectedResponse, declared: Response, schemas: Schemas) -> Iterator[Mismatch]:
    for name, text in response.headers.items():
        where = f"response.header {name}"
        if name == "content-type":
            continue
        if name in declared.headers:
            schema = declared.headers[name]
            value = header_value(text, schema, schemas)
            for each in schemas.validator(schema, Side.SENT).iter_errors(value):
                yield error("response.header", where, f"{each.message:.300}")
        elif name in _STANDARD:
            yield warning("response.header.undeclared", where, "the document does not declare it")
        else:
            yield error("response.header.undeclared", where, "the document does not declare it")


def _body_problems(response: ExpectedResponse, declared: Response, schemas: Schemas) -> Iterator[Mismatch]:
    body, kind = response.body, response.content_type
    empty = body is None or body.value in (None, "")
    if not declared.media:
        if not empty:
            yield error("response.body.undeclared", "response.body", "the document declares none for this status")
        elif kind:
            yield warning("response.content-type", "response.header content-type", "the document declares no body")
        return
    if not kind:
        kind = next((each for each in declared.media if media.is_json(each)), next(iter(declared.media)))
    chosen = media.chosen(kind, declared.media)
    if chosen is None:
        listed = ", ".join(declared.media)
        yield error("response.content-type", "response.header content-type", f"expected one of {listed}, found {kind}")
        return
    schema = declared.media[chosen]
    if body is None or schema is None or (empty and body.value != ""):
        return
    if media.is_json(kind):
        yield from body_problems(body, schema, schemas, Side.EXPECTED, "response.body")
    elif media.is_text(kind):
        text = Body(value=body.value, matchers=())
        yield from body_problems(text, schema, schemas, Side.EXPECTED, "response.body")
