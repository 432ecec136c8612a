"""One trace as a few lines of text: who was asked in turn, when, for how long, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.checkers.trace_calls import Trace, calls_of, is_bad, status_of
from harness.model.quantity import Duration
from harness.model.span import Span
from harness.model.topology import Topology

LINES_LIMIT = 14
ERROR_CHARS = 90
_DEEPEST = 12


def waterfall(spans: Sequence[Span], topology: Topology) -> tuple[str, ...]:
    """The calls of one trace as a tree; times count from its first span."""
    if not spans:
        return ()
    trace = calls_of(spans, topology)
    zero = min(span.start for span in spans)
    lines = [*_lines(trace, zero)]
    if len(lines) > LINES_LIMIT:
        bad = [line for line in lines if line.endswith(_MARK)]
        rest = len(lines) - LINES_LIMIT
        lines = [line for line in lines if line in bad][:LINES_LIMIT] if len(bad) >= LINES_LIMIT else _cut(lines, bad)
        lines.append(f"  … and {rest} more calls")
    return (f"trace {spans[0].trace}:", *lines)


_MARK = "\N{BALLOT X}"


def _cut(lines: list[str], bad: list[str]) -> list[str]:
    """All the bad lines, and of the others as many from the beginning as there is room for."""
    room = LINES_LIMIT - len(bad)
    kept: list[str] = []
    for line in lines:
        if line in bad:
            kept.append(line)
        elif room > 0:
            kept.append(line)
            room -= 1
    return kept


def _lines(trace: Trace, zero: float) -> Iterator[str]:
    told: set[str] = set()
    for root in trace.roots:
        yield _line(
            "customers", root.service, root.start - zero, root.duration_s, _end(root), depth=0, bad=is_bad(root)
        )
        yield from _below(trace, root, zero, depth=1, told=told)
    for aside in trace.asides:
        started, took_s = aside.start - zero, aside.duration_s
        yield _line("a message", aside.service, started, took_s, _end(aside), depth=0, bad=is_bad(aside))
        yield from _below(trace, aside, zero, depth=1, told=told)
    for call in trace.calls:  # what hangs on no request that is known
        if not call.inside and (call.server is None or call.server.span not in told):
            end = call.error[:ERROR_CHARS] or (_end(call.server) if call.server else "")
            yield _line(
                call.consumer or "?",
                call.provider or "?",
                call.start - zero,
                call.took_s,
                end,
                depth=1,
                bad=call.failed,
            )
            if call.server is not None:
                yield from _below(trace, call.server, zero, depth=2, told=told)


def _below(trace: Trace, served: Span, zero: float, *, depth: int, told: set[str]) -> Iterator[str]:
    told.add(served.span)
    if depth > _DEEPEST:
        return
    for call in trace.made_in(served):
        end = call.error[:ERROR_CHARS] or (_end(call.client or call.server))
        end += f", after {call.attempts} attempts" if call.attempts > 1 else ""
        provider = call.provider or "?"
        yield _line(call.consumer, provider, call.start - zero, call.took_s, end, depth=depth, bad=call.failed)
        if call.server is not None:
            yield from _below(trace, call.server, zero, depth=depth + 1, told=told)


def _line(  # noqa: PLR0913 -- what a line tells
    consumer: str, provider: str, start: float, took_s: float, end: str, *, depth: int, bad: bool
) -> str:
    edge = f"{'  ' * (depth + 1)}{consumer} → {provider}"
    told = f"{edge:<44} +{start * 1000:>6.0f} ms {Duration(round(max(took_s, 0.0), 4))!s:>9}"
    return f"{told}  {end}{' ' if end else ''}{_MARK if bad else ''}".rstrip()


def _end(span: Span | None) -> str:
    if span is None:
        return ""
    status = status_of(span)
    return " ".join(filter(None, (str(status) if status else "", (span.error or "")[:ERROR_CHARS])))
