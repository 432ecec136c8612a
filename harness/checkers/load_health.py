"""Was the load what it was meant to be? One judgement, of experiments and of load runs; never a FAIL, but UNKNOWN."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from harness.checkers.found import percent
from harness.model.events import LoadPhaseEnded
from harness.model.finding import Finding, Part
from harness.model.observation import AnswerSecond, DistinctAnswer, GeneratorSecond, Window, WindowKind
from harness.model.verdict import Verdict

CHECK = "load-health"

DROPPED_ALLOWED = 0.01
"""Share of due journeys for which the generator may have had no free user."""

STARTED_AT_LEAST = 0.97
"""Of the journeys due in a window, those that began in it."""

ON_THE_EDGE = 2
"""Journeys due in a window's last moment, which may begin after it."""

LAG_ALLOWED_S = 0.1
LAGGING_ALLOWED = 0.2
"""Share of seconds in which the p99 of the lag may exceed `LAG_ALLOWED_S`."""

CPU_ALLOWED = 0.95
"""Of the one core that a generator can use: beyond, its own time is in every latency."""
BUSY_ALLOWED = 0.2
"""Share of seconds in which a generator may use more than that."""

SECONDS_KNOWN_AT_LEAST = 0.9
"""Of a window's whole seconds, those that each generator must have told of."""

RATE_SIGMAS = 5
"""How far below the rate a Poisson count may be by chance."""

NOBODY_ALLOWED = 0.01
"""Share of requests that may have reached nobody."""

_NOBODY = re.compile(
    r"refused|cannot assign requested address|too many open files|no route to host|network is unreachable"
    r"|name or service not known|temporary failure in name resolution|name resolution",
    re.IGNORECASE,
)
"""How it is told that a request was never sent, since there was nobody, or nothing left to send it by."""

_EVIDENCE_LIMIT = 10


def sickness(
    rows: Iterable[GeneratorSecond], window: Window, *, rate: float | None = None, workers: Collection[str] = ("",)
) -> list[str]:
    """What was wrong with the generator in a window, in words; nothing when it did as it was told.

    Args:
        rows: what it told of itself; of several processes, each second once of each.
        window: the time to be judged.
        rate: journeys a second that were asked for, on average; left out where nobody knows.
        workers: the names of its processes; one that is silent is dead.
    """
    rows = [each for each in rows if window.start <= each.second and each.second + 1 <= window.end]
    wanted = len(window.seconds)
    silent = [name for name in workers if _seconds_of(rows, name) < SECONDS_KNOWN_AT_LEAST * wanted]
    if not rows or silent:
        return [_silence(rows, name, wanted) for name in silent or [""]]
    seconds = len({each.second for each in rows})
    due, started = sum(each.due for each in rows), sum(each.started for each in rows)
    dropped = sum(each.dropped for each in rows)
    planned = 0.0 if rate is None else rate * seconds
    busy = len({each.second for each in rows if each.cpu_share > CPU_ALLOWED})
    lost = sum(each.lost for each in rows)
    trouble = []
    if lost:
        trouble.append(f"{lost} journeys were due at a worker that was gone")
    if due < planned - RATE_SIGMAS * math.sqrt(planned):
        trouble.append(f"{due} journeys were due in {seconds} s, {planned:.0f} were planned")
    if dropped > DROPPED_ALLOWED * due:
        trouble.append(f"{dropped} of {due} due journeys were dropped for want of a free user")
    if started + dropped < STARTED_AT_LEAST * due - ON_THE_EDGE:
        trouble.append(f"only {started} of {due} due journeys were started")
    if late := lateness(rows, window):
        trouble.append(late)
    if busy > BUSY_ALLOWED * seconds:
        trouble.append(f"the generator used over {percent(CPU_ALLOWED)} of a core in {busy} of {seconds} seconds")
    return trouble


def lateness(rows: Iterable[GeneratorSecond], window: Window) -> str:
    """That too many journeys of a window began late, which a machine without time for its programs brings about."""
    rows = [each for each in rows if window.start <= each.second and each.second + 1 <= window.end]
    seconds = len({each.second for each in rows})
    late = len({each.second for each in rows if each.lag_p99_s > LAG_ALLOWED_S})
    if late <= LAGGING_ALLOWED * seconds:
        return ""
    return f"journeys began over {LAG_ALLOWED_S * 1000:.0f} ms late (p99) in {late} of {seconds} seconds"


def health_told(rows: Iterable[GeneratorSecond], window: Window) -> str:
    """What a generator that is well did in a window."""
    rows = [each for each in rows if window.start <= each.second and each.second + 1 <= window.end]
    due, started = sum(each.due for each in rows), sum(each.started for each in rows)
    lag_s = max((each.lag_p99_s for each in rows), default=0.0)
    return f"{started} of {due} due journeys started, lag p99 at most {lag_s * 1000:.0f} ms"


def load_health(  # noqa: PLR0913 -- all by keyword: what was seen of a run
    *,
    phases: Sequence[LoadPhaseEnded],
    generator: Sequence[GeneratorSecond],
    answers: Sequence[AnswerSecond],
    distinct: Sequence[DistinctAnswer],
    trouble: Sequence[str] = (),
    replay: str = "",
) -> tuple[Finding, ...]:
    """Whether the figures of a load run can be trusted: its generator in each phase, its parts, and who answered.

    Args:
        phases: those that came to their end, and the one that was cut short.
        generator: what each of its processes told of itself.
        answers: all answers, of which there must be some.
        distinct: their kinds, by which those that came from nobody are told.
        trouble: what went wrong with the harness's own parts: a worker that died, a run that was broken off.
        replay: the command that repeats the run.
    """
    parts = [
        _found("harness", list(trouble), "all its parts did their work", replay=replay),
        _generator(phases, generator, replay),
        _nobody(answers, distinct, replay),
    ]
    return tuple(parts)


def _generator(phases: Sequence[LoadPhaseEnded], rows: Sequence[GeneratorSecond], replay: str) -> Finding:
    workers = sorted({each.worker for each in rows}) or [""]
    trouble, proofs = [], []
    for phase in phases:
        window = window_of(phase)
        if not window.seconds:
            continue  # of a phase that was broken off at its begin nothing is asked
        rate = None if phase.users else (phase.asked_start + phase.asked_end) / 2
        trouble += [f"{phase.name}: {each}" for each in sickness(rows, window, rate=rate, workers=workers)]
        proofs.append(f"{phase.name}: {health_told(rows, window)}")
    if not proofs:
        trouble.append("no phase of the load lasted for a second")
    return _found("load generator", trouble, "; ".join(proofs), replay=replay)


def doubted(found: Iterable[Finding], health: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that rest on figures: with a sick generator none of them is known, neither good nor bad."""
    sick = next((each.reason for each in health if each.verdict is not Verdict.PASS), "")
    if not sick:
        return tuple(found)
    return tuple(
        each
        if each.verdict is Verdict.UNKNOWN
        else replace(
            each,
            verdict=Verdict.UNKNOWN,
            reason=f"the load can't be trusted ({sick}); it would be {each.verdict}: {each.reason}",
        )
        for each in found
    )


def window_of(phase: LoadPhaseEnded) -> Window:
    """The time of a phase, as figures are asked of it."""
    return Window(kind=WindowKind.BASELINE, start=phase.start, end=phase.end)


def _nobody(answers: Sequence[AnswerSecond], distinct: Sequence[DistinctAnswer], replay: str) -> Finding:
    """Whether there was somebody to be loaded."""
    total = sum(each.count for each in answers)
    unmet = [each for each in distinct if not each.status and _NOBODY.search(each.error)]
    lost = sum(each.count for each in unmet)
    trouble = []
    if not total:
        trouble.append("no request was answered, or failed: nothing was measured")
    elif lost > NOBODY_ALLOWED * total:
        trouble.append(f"{lost} of {total} requests reached nobody, so they tell nothing of the system")
    evidence = [f"{each.count} times {each.request}: {each.error}" for each in sorted(unmet, key=_by_count)]
    return _found("answers", trouble, f"{lost} of {total} requests reached nobody", evidence=evidence, replay=replay)


def _by_count(answer: DistinctAnswer) -> int:
    return -answer.count


def _found(subject: str, trouble: list[str], proof: str, *, evidence: Sequence[str] = (), replay: str = "") -> Finding:
    return Finding(
        check=CHECK,
        part=Part.VALIDITY,
        verdict=Verdict.UNKNOWN if trouble else Verdict.PASS,
        reason="; ".join(trouble) if trouble else proof,
        subject=subject,
        evidence=tuple(evidence)[:_EVIDENCE_LIMIT],
        replay=replay,
    )


def _seconds_of(rows: Iterable[GeneratorSecond], worker: str) -> int:
    return len({each.second for each in rows if each.worker == worker})


def _silence(rows: Iterable[GeneratorSecond], worker: str, wanted: int) -> str:
    who = f"the worker {worker}" if worker else "the load generator"
    return f"{who} told of {_seconds_of(rows, worker)} of {wanted} seconds only"
