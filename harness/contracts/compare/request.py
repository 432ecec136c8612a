"""What the consumer sends, held against what the provider takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs

from pydantic import JsonValue

from harness.contracts.compare import media
from harness.contracts.compare.bodies import body_problems
from harness.contracts.compare.document import Found, Parameter
from harness.contracts.compare.expectation import Body, ExpectedRequest, ExpectedResponse
from harness.contracts.compare.mismatch import Mismatch, error, warning
from harness.contracts.compare.schemas import Schemas, Side
from harness.contracts.compare.security import cookies, names_sent, security_problems
from harness.contracts.compare.values import Unwritten, form_value, query_value, text_value

_STANDARD = frozenset(
    (
        "accept",
        "accept-charset",
        "accept-datetime",
        "accept-encoding",
        "accept-language",
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-md5",
        "content-type",
        "cookie",
        "date",
        "expect",
        "forwarded",
        "from",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "max-forwards",
        "origin",
        "pragma",
        "proxy-authorization",
        "range",
        "referer",
        "te",
        "traceparent",
        "tracestate",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
        "warning",
    )
)
"""Headers that a document need not name."""


def path_problems(found: Found, schemas: Schemas) -> Iterator[Mismatch]:
    """What the parts of the path can't be."""
    for parameter in found.operation.parameters:
        if parameter.where == "path" and parameter.name in found.arguments:
            try:
                value = text_value(parameter, found.arguments[parameter.name], schemas)
            except Unwritten as why:
                yield error("request.path", f"request.path {{{parameter.name}}}", str(why))
            else:
                yield from _value_problems(value, parameter, schemas)


def request_problems(
    request: ExpectedRequest,
    response: ExpectedResponse,
    found: Found,
    schemas: Schemas,
    supplied: Mapping[str, str],
) -> Iterator[Mismatch]:
    """What the provider does not take, for a request that is meant to succeed."""
    operation = found.operation
    yield from security_problems(request, operation, supplied)
    yield from _query_problems(request, found, schemas)
    yield from _header_problems(request, found, schemas, supplied)
    yield from _accept_problems(request, response, found)
    yield from _body_problems(request, found, schemas)


def _query_problems(request: ExpectedRequest, found: Found, schemas: Schemas) -> Iterator[Mismatch]:
    declared = [each for each in found.operation.parameters if each.where == "query"]
    for parameter in declared:
        where = f"request.query {parameter.name}"
        try:
            value = query_value(parameter, request.query, schemas)
        except Unwritten as why:
            yield error("request.query", where, str(why))
            continue
        if value is not None or parameter.name in request.query:
            yield from _value_problems(value, parameter, schemas)
        elif parameter.required:
            yield error("request.query.missing", where, "the document requires it, the consumer does not send it")
    known = names_sent(found.operation, "query") | {each.name.lower() for each in declared}
    for name in request.query:
        if name.lower() not in known and not any(_takes(each, name, schemas) for each in declared):
            yield warning("request.query.undeclared", f"request.query {name}", "the document does not declare it")


def _takes(parameter: Parameter, name: str, schemas: Schemas) -> bool:
    """Whether a name in the query is a member of a parameter that is an object."""
    if parameter.style == "deepObject":
        return name.startswith(f"{parameter.name}[")
    exploded = parameter.style == "form" and parameter.explode
    return exploded and any(name in (part.get("properties") or ()) for part in schemas.parts(parameter.schema))


def _header_problems(
    request: ExpectedRequest, found: Found, schemas: Schemas, supplied: Mapping[str, str]
) -> Iterator[Mismatch]:
    declared = [each for each in found.operation.parameters if each.where == "header"]
    for parameter in declared:
        sent = request.headers.get(parameter.name.lower())
        if sent is not None:
            try:
                value = text_value(parameter, sent, schemas)
            except Unwritten as why:
                yield error("request.header", f"request.header {parameter.name}", str(why))
            else:
                yield from _value_problems(value, parameter, schemas)
        elif parameter.required and parameter.name.lower() not in supplied:
            where = f"request.header {parameter.name}"
            yield error("request.header.missing", where, "the document requires it, the consumer does not send it")
    known = _STANDARD | names_sent(found.operation, "header") | {each.name.lower() for each in declared}
    for name in request.headers:
        if name not in known:
            yield warning("request.header.undeclared", f"request.header {name}", "the document does not declare it")
    jar = cookies(request.headers)
    for parameter in found.operation.parameters:
        if parameter.where == "cookie" and parameter.required and parameter.name not in jar:
            where = f"request.cookie {parameter.name}"
            yield error("request.cookie.missing", where, "the document requires it, the consumer does not send it")


def _accept_problems(request: ExpectedRequest, response: ExpectedResponse, found: Found) -> Iterator[Mismatch]:
    accept, declared = request.headers.get("accept"), found.operation.response(response.status)
    if accept and declared and declared[1].media and not media.acceptable(accept, declared[1].media):
        listed = ", ".join(declared[1].media)
        yield error("request.accept", "request.header accept", f"expected one of {listed}, found {accept}")


def _body_problems(request: ExpectedRequest, found: Found, schemas: Schemas) -> Iterator[Mismatch]:
    content, body = found.operation.body, request.body
    if body is None:
        if content is not None and content.required:
            yield error("request.body.missing", "request.body", "the document requires one, the consumer sends none")
        return
    if content is None or not content.media:
        if body.value not in (None, ""):
            yield error("request.body.undeclared", "request.body", "the document declares none")
        return
    sent = request.content_type or "application/json"
    if not request.content_type:
        yield warning("request.content-type", "request.header content-type", "a body is sent without saying its type")
    chosen = media.chosen(sent, content.media)
    if chosen is None:
        listed = ", ".join(content.media)
        yield error("request.content-type", "request.header content-type", f"expected one of {listed}, found {sent}")
        return
    schema = content.media[chosen]
    if schema is not None:
        yield from _typed_body_problems(body, sent, schema, schemas)


def _typed_body_problems(body: Body, sent: str, schema: JsonValue, schemas: Schemas) -> Iterator[Mismatch]:
    if media.is_json(sent):
        yield from body_problems(body, schema, schemas, Side.SENT, "request.body")
        for name in _read_only(body.value, schema, schemas):
            yield warning("request.body.read-only", f"request.body $.{name}", "the document says that it is only read")
    elif media.is_form(sent) and isinstance(body.value, str):
        fields = parse_qs(body.value, keep_blank_values=True)
        value = form_value(fields, schema, schemas)
        yield from body_problems(Body(value=value, matchers=()), schema, schemas, Side.SENT, "request.body")
    elif media.is_text(sent):
        yield from body_problems(Body(value=body.value, matchers=()), schema, schemas, Side.SENT, "request.body")


def _read_only(value: JsonValue, schema: JsonValue, schemas: Schemas) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    for part in schemas.parts(schema):
        for name, inner in (part.get("properties") or {}).items():
            if name in value and schemas.followed(inner).get("readOnly") is True:
                yield name


def _value_problems(value: JsonValue, parameter: Parameter, schemas: Schemas) -> Iterator[Mismatch]:
    where = f"request.{parameter.where} {parameter.name}"
    for each in schemas.validator(parameter.schema, Side.SENT).iter_errors(value):
        yield error(f"request.{parameter.where}", where, f"{each.message:.300}")
