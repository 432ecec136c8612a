"""Status: the consumer is told of an error."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from harness.faults.spec import ALL_EXCHANGES, ExchangeFault, ExchangeMatch
from harness.model.changes import FixedAnswer
from harness.model.exchange_rules import Deed, Instead

BODY_LIMIT_CHARACTERS = 10_000
HEADERS_LIMIT = 50
DETAIL = "This can't be done at the moment."
PROBLEM_JSON = "application/problem+json"
_NAME = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$"
_VALUE = r"^[\x20-\x7e]{0,1000}$"

HeaderName = Annotated[str, Field(pattern=_NAME)]
HeaderValue = Annotated[str, Field(pattern=_VALUE)]


class Status(ExchangeFault):
    """Answers with a status, in the provider's place; with `asked` the provider does its work all the same.

    Without a body it is a problem document (RFC 9457).
    """

    kind: ClassVar[str] = "status"
    status: Annotated[int, Field(ge=400, le=599)] = 503
    body: Annotated[str, Field(max_length=BODY_LIMIT_CHARACTERS)] | None = None
    headers: Annotated[dict[HeaderName, HeaderValue], Field(default_factory=dict, max_length=HEADERS_LIMIT)]
    asked: bool = False

    @model_validator(mode="after")
    def _body_has_its_own_length(self) -> Self:
        for name in self.headers:
            if name.lower() in {"content-length", "transfer-encoding", "connection"}:
                message = f"expected headers that tell nothing of the body's length or of the connection, found {name}"
                raise ValueError(message)
        return self

    def what(self) -> str:
        """See `ExchangeFault`."""
        return f"status {self.status}" + (" after the provider's work" if self.asked else "")

    def deed(self) -> Deed:
        """See `ExchangeFault`."""
        return Instead(answer=_answer(self.status, self.body, self.headers), asked=self.asked)


def _answer(code: int, body: str | None, headers: dict[str, str]) -> FixedAnswer:
    lines = dict(headers)
    if body is None:
        title = HTTPStatus(code).phrase if code in set(HTTPStatus) else "Error"
        body = json.dumps({"type": "about:blank", "title": title, "status": code, "detail": DETAIL})
        if "content-type" not in {name.lower() for name in lines}:
            lines["Content-Type"] = PROBLEM_JSON
    return FixedAnswer(status=code, headers=tuple(lines.items()), body=body)


def status(
    code: int = 503,
    body: str | None = None,
    *,
    headers: dict[str, str] | None = None,
    asked: bool = False,
    match: ExchangeMatch = ALL_EXCHANGES,
) -> Status:
    """The consumer is told of an error: `status(503, headers={"Retry-After": "1"})`."""
    return Status(status=code, body=body, headers=headers or {}, asked=asked, match=match)
