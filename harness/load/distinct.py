"""Distinct answers, each kept once with a sample, within a bound."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from harness.load.answers import Judged, Reply
from harness.load.seconds import OTHER
from harness.model.observation import AnswerClass, DistinctAnswer

KINDS_LIMIT = 500
"""Kinds of answers that are told apart; further ones count as one kind per status and class, named `OTHER`."""

BODY_LIMIT = 64 * 1024
"""Bytes of a body that are kept."""

HEADER_LIMIT = 1024
"""Characters of a header's value, of a path and of an error that are kept."""

HEADERS_LIMIT = 64
"""Headers of an answer that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked: the request as its journey names it, and as it went out."""

    journey: str
    request: str
    path: str


class _Kind(NamedTuple):
    journey: str
    request: str
    method: str
    status: int
    answer: AnswerClass
    shape: str


class DistinctAnswers:
    """The kinds of answers seen since the last `take`."""

    def __init__(self, limit: int = KINDS_LIMIT) -> None:
        self._limit = limit
        self._samples: dict[_Kind, DistinctAnswer] = {}
        self._counts: dict[_Kind, int] = {}

    def add(self, asked: Asked, reply: Reply, judged: Judged, t: float) -> None:
        """Count an answer that came at `t` (seconds since the run began), and keep it when it is the first."""
        kind = _Kind(asked.journey, asked.request, reply.method, reply.status, judged.answer, judged.shape)
        if kind not in self._samples:
            if len(self._samples) >= self._limit:
                kind = _Kind(OTHER, OTHER, "", reply.status, judged.answer, OTHER)
            if kind not in self._samples:
                self._samples[kind] = _sample(asked, reply, judged, t)
        self._counts[kind] = self._counts.get(kind, 0) + 1

    def take(self) -> tuple[DistinctAnswer, ...]:
        """All kinds with their counts, and forget them."""
        taken = tuple(replace(sample, count=self._counts[kind]) for kind, sample in self._samples.items())
        self._samples.clear()
        self._counts.clear()
        return taken


def _sample(asked: Asked, reply: Reply, judged: Judged, t: float) -> DistinctAnswer:
    body = reply.body or b""
    return DistinctAnswer(
        t=t,
        journey=asked.journey,
        request=asked.request,
        method=reply.method,
        path=asked.path[:HEADER_LIMIT],
        status=reply.status,
        answer=judged.answer,
        shape=judged.shape,
        content_type=reply.content_type,
        headers={
            name[:HEADER_LIMIT]: value[:HEADER_LIMIT] for name, value in list(reply.headers.items())[:HEADERS_LIMIT]
        },
        body=body[:BODY_LIMIT].decode("utf-8", errors="replace"),
        error=reply.error[:HEADER_LIMIT],
        truncated=len(body) > BODY_LIMIT,
    )
