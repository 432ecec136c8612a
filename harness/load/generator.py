"""The load generator: journeys dispatched when they are due to a bounded pool of customers, and measured."""

from __future__ import annotations

import logging
import math
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import floor
from typing import Any

import gevent
from gevent.event import Event
from locust.env import Environment

from harness.load.answers import is_marked, judge
from harness.load.arrivals import Arrival, Arrivals
from harness.load.closed_users import ClosedUsers
from harness.load.customers import Customers, Seat
from harness.load.distinct import Asked, DistinctAnswers
from harness.load.journey import LISTENER
from harness.load.operations import OperationsWriter
from harness.load.outcome import of_answer
from harness.load.pace import Pace
from harness.load.places import Place
from harness.load.recorded import RecordedVisit
from harness.load.replies import asked_by, path_of, reply_of
from harness.load.seconds import RequestNames, Seconds
from harness.load.visit import Visit
from harness.load.visits import VISIT_LIMIT_S
from harness.load.wire import Begin
from harness.load.worth import WorthALook
from harness.model.load_events import Observed
from harness.model.load_profile import LoadProfile
from harness.model.span import JourneyTrace
from harness.model.tracing import trace_of
from harness.model.visits import Exchange

OUTSIDE = "(outside of a journey)"
"""The journey of requests made by a greenlet that a task has spawned."""

TRACEBACKS_LIMIT = 20
"""Distinct exceptions of tasks whose tracebacks are logged."""

_LOG = logging.getLogger("harness.load")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What came of a visit beside its exchanges: what went wrong first, and its trace."""

    failed: str | None
    trace: str


class Generator:
    """Drives the journeys in this process; everything in it runs on one gevent hub, so that nothing needs a lock.

    `send` gets what was measured, once a second; times told are seconds since the run began.
    """

    def __init__(
        self,
        customers: Customers,
        begin: Begin,
        *,
        writer: OperationsWriter,
        send: Callable[[Observed], None],
    ) -> None:
        self._begin = begin
        self._run_began = begin.run_began
        self._writer = writer
        self._send = send
        self._arrivals = Arrivals(begin.seed, worker=begin.worker, workers=begin.workers)
        self._closed = ClosedUsers(
            customers,
            seed=begin.seed,
            worker=begin.worker,
            workers=begin.workers,
            now=self._now,
            travel=self._travel_closed,
        )
        self._closed_in_flight = 0
        self._free = [Place(customers.seat(), self._measure, self._freed) for _ in range(begin.pool)]
        self._seconds = Seconds()
        self._names = RequestNames()
        self._distinct = DistinctAnswers()
        self._worth = WorthALook()
        self._pace = Pace()
        self._customers = customers
        customers.environment.harness_worker = (begin.worker, begin.workers)  # type: ignore[attr-defined]  # for `share`
        self._altered = Event()
        self._quiet = Event()
        self._quiet.set()
        self._told_until: int | None = None
        self._hold = math.inf
        self._logged: set[str] = set()
        customers.environment.events.request.add_listener(self._on_request)  # type: ignore[no-untyped-call]  # Locust's

    def hold_until(self, at: float | None) -> float:
        """Come back at a time of the run, and dispatch nothing that is due later before a change; gives how late it is.

        So several generators change at one moment, however much sooner each of them heard of it.
        """
        if at is None:
            return 0.0
        self._hold = at
        early_s = at - self._now()
        gevent.sleep(max(early_s, 0))
        return max(-early_s, 0.0)

    def reckon_from(self, run_began: float) -> None:
        """Count from another moment; before there is load."""
        self._run_began = run_began

    def stop(self, at: float | None = None) -> None:
        """No more arrivals from a time of the run on."""
        self._arrivals.stop(self._change(at))
        self._closed.stop()

    def drive(self, *, rate: float, weights: Mapping[str, float], at: float | None = None) -> None:
        """Start or alter arrivals, at once or from a time that is held for it; raises ValueError."""
        now = self._change(at)
        self._arrivals.alter(rate=rate, weights=weights, now=now)
        self._closed.stop()
        self._started(now)

    def follow(self, profile: LoadProfile, *, began: float, since: float) -> None:
        """Go as the profile says that `began` at a time, from `since` on, by this process's own clock.

        It takes the place of what was driven before, as `drive` takes its place.

        Raises:
            ValueError: if it speaks of a journey that is not there.
        """
        now = self._change(since)
        journeys = {*profile.weights, *(name for phase in profile.phases for name in phase.weights)}
        if strangers := journeys.union(name for _, name in profile.replay) - {*self._begin.journeys}:
            message = f"expected one of the journeys {', '.join(self._begin.journeys)}, found {sorted(strangers)}"
            raise ValueError(message)
        self._arrivals.follow(profile, began=began, since=since, now=now)
        self._closed.follow(profile, began=began)
        self._started(now)

    def quiesce(self, timeout_s: float) -> int:
        """No more arrivals; wait for the journeys in flight; gives how many are left at the time-out."""
        self.stop()
        self._quiet.wait(timeout_s)
        return self._in_flight

    def flush(self) -> None:
        """Tell everything measured until now: journeys and answers of the current second too."""
        now = self._now()
        self._dispatch(now)
        self._tell_seconds(floor(now))
        journeys, answers = self._seconds.take()
        traces = self._worth.take()
        if journeys or answers or traces:
            self._send(Observed(journeys=journeys, answers=answers, traces=traces))

    def take_distinct(self) -> None:
        """Tell the distinct answers, each in a message of its own since bodies are large, and forget them."""
        for answer in self._distinct.take():
            self._send(Observed(distinct=(answer,)))

    def pay(self, journey: str, number: int, tell: Callable[[Exchange], None]) -> Paid:
        """Pay one visit by a customer who was never here.

        Raises:
            ValueError: if there is no such journey.
        """
        if journey not in self._begin.journeys:
            message = f"expected one of the journeys {', '.join(self._begin.journeys)}, found '{journey}'"
            raise ValueError(message)
        visit = RecordedVisit(journey, self._writer, self._now, self._is_marked, tell)
        LISTENER.set(visit)
        seat = self._customers.seat()
        chance = f"{self._begin.seed}:visit:{journey}:{number}"
        trace = self._trace_of(chance)
        try:
            with gevent.Timeout(VISIT_LIMIT_S):
                seat.visit(journey, chance, trace, turn=number)
        except BaseException as error:  # noqa: BLE001 -- whatever ends a journey is told
            visit.went_wrong(f"{type(error).__name__}: {error}")
        finally:
            seat.leave()
        return Paid(failed=visit.failed, trace=trace)

    def run(self) -> None:
        """Dispatch what is due and tell what was measured, for ever."""
        while True:
            now = self._now()
            self._dispatch(now)
            self._closed.keep(now)
            self._tell_seconds(floor(now))
            wake_at = min(self._arrivals.next_at, self._closed.next_change(now), floor(now) + 1)
            self._altered.wait(max(wake_at - self._now(), 0))
            self._altered.clear()

    @property
    def environment(self) -> Environment:
        """Locust's, in which its users live."""
        return self._customers.environment

    @property
    def _in_flight(self) -> int:
        return self._begin.pool - len(self._free) + self._closed_in_flight

    def _change(self, at: float | None) -> float:
        """The moment of a change: what was due before has been dispatched."""
        now = self._now() if at is None else at
        self._dispatch(now)
        self._hold = math.inf
        return now

    def _started(self, now: float) -> None:
        if self._told_until is None:
            self._told_until = floor(now)
        self._altered.set()

    def _now(self) -> float:
        return time.monotonic() - self._run_began

    def _dispatch(self, now: float) -> None:
        for arrival in self._arrivals.due(min(now, self._hold)):
            self._pace.due[floor(arrival.at)] += 1
            if not self._free:
                self._pace.dropped[floor(arrival.at)] += 1
                continue
            self._pace.started[floor(arrival.at)] += 1
            self._quiet.clear()
            self._free.pop().go(arrival)  # the last that became free: its connection is still warm

    def _freed(self, place: Place) -> None:
        self._free.append(place)
        if self._in_flight == 0:
            self._quiet.set()

    def _travel_closed(self, seat: Seat, arrival: Arrival) -> None:
        self._pace.due[floor(arrival.at)] += 1
        self._pace.started[floor(arrival.at)] += 1
        self._closed_in_flight += 1
        self._quiet.clear()
        self._measure(seat, arrival)
        self._closed_in_flight -= 1
        if self._in_flight == 0:
            self._quiet.set()

    def _measure(self, seat: Seat, arrival: Arrival) -> None:
        visit = Visit(arrival.journey, self._writer, self._now, self._is_marked, arrival.wanted)
        LISTENER.set(visit)
        started = self._now()
        error: BaseException | None = None
        chance = f"{self._begin.seed}:{arrival.chance}"
        trace = self._trace_of(chance)
        try:
            seat.visit(arrival.journey, chance, trace)
        except BaseException as caught:  # noqa: BLE001 -- a stray gevent.Timeout is one, and ends a journey like any other
            error = caught
            self._log_once(arrival.journey, caught)
        ended = self._now()
        self._pace.lags.append(started - arrival.at)
        outcome = visit.outcome(error)
        self._seconds.journey(arrival.journey, outcome, intended=arrival.at, started=started, ended=ended)
        if trace:
            self._worth.add(
                JourneyTrace(t=started, journey=arrival.journey, outcome=outcome, took_s=ended - started, trace=trace),
                ended=ended,
            )

    def _on_request(  # noqa: PLR0913 -- Locust calls it with these names
        self,
        *,
        request_type: str,
        name: str,
        response_time: float,
        response: Any = None,
        exception: BaseException | None = None,
        url: str = "",
        **_further: Any,
    ) -> None:
        now = self._now()
        visit = LISTENER.get()
        journey = visit.journey if isinstance(visit, Visit) else OUTSIDE
        request = self._names.bounded(name)
        reply = reply_of(request_type, response, exception, path=path_of(url))
        judged = judge(reply, self._begin.degraded)
        if isinstance(visit, RecordedVisit):
            visit.exchanged(request, reply, judged, response=response, error=exception, took_s=response_time / 1000)
            return
        self._seconds.answer(journey, request, judged.answer, ended=now, took_s=response_time / 1000)
        self._distinct.add(Asked(journey=journey, request=request, path=reply.path), reply, judged, now)
        if isinstance(visit, Visit):
            visit.answered(of_answer(reply.method, reply.status, judged.answer))

    def _trace_of(self, chance: str) -> str:
        return trace_of(self._begin.traced, chance) if self._begin.traced else ""

    def _is_marked(self, response: object) -> bool:
        method, path = asked_by(response)
        return is_marked(reply_of(method, response, None, path=path), self._begin.degraded)

    def _tell_seconds(self, current: int) -> None:
        if self._told_until is None or current <= self._told_until:
            return
        journeys, answers = self._seconds.take(before=current)
        seconds = range(self._told_until, current)
        generator = self._pace.take(seconds, in_flight=self._in_flight, moves=self._customers.moves)
        self._told_until = current
        traces = self._worth.take()
        self._send(Observed(journeys=journeys, answers=answers, generator=generator, traces=traces))

    def _log_once(self, journey: str, error: BaseException) -> None:
        text = "".join(traceback.format_exception(error))
        if text not in self._logged and len(self._logged) < TRACEBACKS_LIMIT:
            self._logged.add(text)
            _LOG.error("the journey %s ended by an exception\n%s", journey, text)
