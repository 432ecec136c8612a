"""HTML with 200: a page for people, where a program asked."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from harness.faults.exchange_status import BODY_LIMIT_CHARACTERS
from harness.faults.spec import ALL_EXCHANGES, ExchangeFault, ExchangeMatch
from harness.model.changes import FixedAnswer
from harness.model.exchange_rules import Deed, Instead

PAGE = """<!doctype html>
<html><head><title>Something went wrong</title></head>
<body><h1>Something went wrong</h1><p>We are working on it. Please try again later.</p></body></html>
"""


class Html200(ExchangeFault):
    """Answers with a page and the status 200, as portals and balancers do, in the provider's place.

    With `asked` the provider does its work all the same.
    """

    kind: ClassVar[str] = "html-200"
    page: Annotated[str, Field(max_length=BODY_LIMIT_CHARACTERS)] = PAGE
    asked: bool = False

    def what(self) -> str:
        """See `ExchangeFault`."""
        return "an HTML page with 200" + (" after the provider's work" if self.asked else "")

    def deed(self) -> Deed:
        """See `ExchangeFault`."""
        lines = (("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store"))
        return Instead(answer=FixedAnswer(status=200, headers=lines, body=self.page), asked=self.asked)


def html_200(*, page: str = PAGE, asked: bool = False, match: ExchangeMatch = ALL_EXCHANGES) -> Html200:
    """A page with the status 200."""
    return Html200(page=page, asked=asked, match=match)
