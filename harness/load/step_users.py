"""Journeys of declared steps as tasks of a Locust user: every step is an operation of the history."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import gevent
from locust import FastHttpUser, constant

from harness.load.answers import judge
from harness.load.checks import seen
from harness.load.journey import OpenOperation, operation
from harness.load.outcome import of_answer
from harness.load.replies import reply_of
from harness.load.visits import VISIT_LIMIT_S
from harness.load.walk import Answered, Asked, Walk
from harness.model.declared import DegradedMark
from harness.model.observation import AnswerClass, Outcome
from harness.model.steps import StepJourney, StepJourneys


class Stepping(FastHttpUser):
    """Somebody who does what is declared; made into a class with tasks by `user_of`."""

    abstract = True
    wait_time = constant(0)
    mark = DegradedMark()
    hosts: tuple[str, ...] = ()

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.random = random.Random()  # noqa: S311 -- load, not secrets; each visit seeds it
        # A visit keeps its own cookies; those of the visit before are another customer's.
        self.client.cookiejar.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def walk(self, journey: StepJourney) -> None:
        """Do one journey; `random` is that of the visit."""
        hosts = frozenset(urlsplit(host).netloc for host in self.hosts)
        walk = Walk(journey=journey, chance=self.random, hosts=hosts)
        requests = walk.requests()
        ends_at = time.monotonic() + VISIT_LIMIT_S
        asked = next(requests, None)
        while asked is not None and time.monotonic() < ends_at:
            if asked.think_s:
                gevent.sleep(asked.think_s)
            with _operation(asked) as op:
                asked = self._ask(asked, walk, requests.send, op)

    def _ask(self, asked: Asked, walk: Walk, send: Callable[[Answered], Asked], op: OpenOperation) -> Asked | None:
        """Send a request, mark its operation, and give what is asked next; None at the end."""
        with self.client.request(
            asked.method,
            asked.path,
            name=asked.step,
            data=asked.body or None,  # type: ignore[arg-type]  # bytes go through as they are
            headers={"Accept": "*/*", "Accept-Encoding": "identity", **asked.headers},
            allow_redirects=False,
            catch_response=True,
        ) as response:
            reply = reply_of(asked.method, response, response.request_meta["exception"], path=asked.path)
            try:
                following = send(Answered(reply=reply, cookies=_cookies(response.headers)))
            except StopIteration:
                following = None
            if walk.unmet is None:
                response.success()
            elif reply.status:
                response.failure(walk.unmet)
            answer = judge(reply, self.mark).answer
            if walk.unmet is None and asked.touch is not None and (sees := asked.touch.sees) is not None:
                fields = seen(sees, reply)
                if fields is not None:
                    op.saw(fields, whole=sees.rows is not None)
            if walk.unmet is None:
                (op.degraded if answer is AnswerClass.DEGRADED else op.ok)(status=reply.status)
            elif of_answer(asked.method, reply.status, _worse(answer)) is Outcome.FAILED:
                op.failed(walk.unmet)
            else:
                op.unknown(walk.unmet)
        return following


def _operation(asked: Asked) -> OpenOperation:
    touch = asked.touch
    if touch is None:
        return operation(asked.step, asked.key)
    return operation(
        asked.step,
        asked.key,
        thing=touch.thing,
        session=touch.session,
        writes=touch.writes,
        once=touch.once,
    )


def user_of(journeys: StepJourneys, *, hosts: tuple[str, ...], mark: DegradedMark) -> type[Stepping]:
    """A Locust user with a task for each of the journeys, in their order."""
    tasks = [_task(name, journey) for name, journey in journeys.items()]
    return type("Customer", (Stepping,), {"tasks": tasks, "abstract": False, "hosts": hosts, "mark": mark})


def _task(name: str, journey: StepJourney) -> Callable[[Stepping], None]:
    def task(user: Stepping) -> None:
        user.walk(journey)

    task.__name__ = name
    return task


def _worse(answer: AnswerClass) -> AnswerClass:
    """The class of an answer that is not what its step expects: a good one that says something else is none."""
    return AnswerClass.DIRTY if answer in (AnswerClass.FULL, AnswerClass.DEGRADED) else answer


def _cookies(headers: Any) -> tuple[str, ...]:
    found = headers.get("set-cookie") if headers else None
    return tuple(found) if isinstance(found, list | tuple) else (str(found),) if found else ()
