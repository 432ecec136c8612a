"""A visit that is paid for its own sake: every exchange of it is told, and nothing is counted."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gevent import Timeout
from geventhttpclient._parser import HTTPParseError
from geventhttpclient.response import HTTPConnectionClosed
from requests import exceptions as requests_errors

from harness.load.answers import Judged, Reply, cut_short
from harness.load.journey import Mark, Sight, Value
from harness.load.operations import OperationsWriter
from harness.load.replies import sent_by
from harness.load.visit import Visit
from harness.model.observation import AnswerClass
from harness.model.visits import BODY_LIMIT_BYTES, EXCHANGES_LIMIT, Exchange, Trouble

SENT_LIMIT_BYTES = 64 * 1024
"""Of a request's body that is told."""

_CAUSES_FOLLOWED = 8
_RANGES = (
    (Trouble.REFUSED, (ConnectionRefusedError, socket.gaierror, requests_errors.ConnectTimeout)),
    (Trouble.TIMEOUT, (Timeout, TimeoutError, requests_errors.Timeout)),
)
_ENDED = ("EOF", "before end of the headers")
"""By what geventhttpclient's error is told to mean that the headers ended, and not that they are none."""


class RecordedVisit(Visit):
    """Tells each exchange as it ends, and remembers the first thing that went wrong."""

    newcomer = True

    def __init__(
        self,
        journey: str,
        writer: OperationsWriter,
        now: Callable[[], float],
        is_marked: Callable[[object], bool],
        tell: Callable[[Exchange], None],
    ) -> None:
        super().__init__(journey, writer, now, is_marked)
        self.failed: str | None = None
        self._tell = tell
        self._told = 0

    def ended(self, op: str, mark: Mark, value: Mapping[str, Value], saw: Sight | None) -> None:
        """See `harness.load.journey.Listener`."""
        super().ended(op, mark, value, saw)
        if mark in {"FAILED", "UNKNOWN"} and self.counts(op):
            self.went_wrong(str(value.get("reason", mark)))

    def went_wrong(self, why: str) -> None:
        """Something of the journey did not hold; the first such thing counts."""
        self.failed = self.failed or why

    def exchanged(  # noqa: PLR0913 -- what is known of a request that ended
        self, name: str, reply: Reply, judged: Judged, *, response: Any, error: BaseException | None, took_s: float
    ) -> None:
        """A request ended."""
        trouble = trouble_of(reply, error or getattr(response, "error", None))
        if error is not None or trouble is not None:
            self.went_wrong(f"{name}: {error or trouble}")
        if self._told >= EXCHANGES_LIMIT:
            return
        self._told += 1
        self._tell(
            Exchange(
                step=name,
                method=reply.method,
                path=reply.path,
                request_body=sent_by(response)[:SENT_LIMIT_BYTES],
                status=reply.status or None,
                headers=reply.headers,
                body=(reply.body or b"")[:BODY_LIMIT_BYTES],
                trouble=trouble,
                took_s=took_s,
                degraded=judged.answer is AnswerClass.DEGRADED,
                answer=judged.answer,
                shape=judged.shape,
            )
        )


def trouble_of(reply: Reply, error: BaseException | None) -> Trouble | None:
    """How a request of Locust's ended that gave no whole answer; None when it gave one."""
    if reply.status:
        if cut_short(reply):
            return Trouble.TRUNCATED
        if reply.body is not None or error is None:
            return None  # what the locustfile finds wrong is no trouble of the exchange
    causes = list(_causes(error))
    for trouble, kinds in _RANGES:
        if any(isinstance(each, kinds) for each in causes):
            return trouble
    if reply.status:
        return Trouble.TRUNCATED
    for each in causes:
        if isinstance(each, HTTPParseError) and not isinstance(each, HTTPConnectionClosed):
            return Trouble.TRUNCATED if any(words in str(each) for words in _ENDED) else Trouble.INVALID
    closed = (HTTPConnectionClosed, requests_errors.ConnectionError, OSError)
    return Trouble.RESET if any(isinstance(each, closed) for each in causes) else Trouble.INVALID


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it wraps."""
    for _ in range(_CAUSES_FOLLOWED):
        if error is None:
            return
        yield error
        original = getattr(error, "original", None)
        error = original if isinstance(original, BaseException) else error.__cause__ or error.__context__
