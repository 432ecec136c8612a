"""What was found of a smallest fault, in a sentence."""

from __future__ import annotations

from harness.model.matrix import Kind
from harness.model.quantity import Duration
from harness.model.shrunk import Dial, Shrunk

_DONE = {
    Kind.REFUSED: "is refused",
    Kind.BLACK_HOLE: "swallows what is sent",
    Kind.HALF_OPEN: "never answers new connections",
    Kind.ONE_WAY: "gives no answers",
    Kind.RESET: "is reset",
}


def sentence_of(shrunk: Shrunk, dial: Dial | None) -> str:
    """`checkout breaks from 410 ms on orders → payments`, and what has to be said beside it."""
    told = _plainly(shrunk, dial)
    if shrunk.cell.first:
        told += f" while {shrunk.cell.first}"
    if not shrunk.monotone:
        told += f"; yet it {_turns(shrunk, dial)}: what is harsher is not always worse here"
    unsure = [each for each in shrunk.tried if each.breaks is None]
    if unsure and not shrunk.complete:
        told += f"; it could not be told under {unsure[0].fault}: {unsure[0].reason}"
    elif not shrunk.complete:
        told += "; not searched to the end"
    return told


def _plainly(shrunk: Shrunk, dial: Dial | None) -> str:
    cell, edge = shrunk.cell, shrunk.cell.edge.replace("->", " → ")
    where = _where(shrunk)
    if dial is None or shrunk.smallest is None:
        return f"{cell.journey} breaks under {shrunk.fault} on {edge}"
    size = words_of(dial, shrunk.smallest)
    always = shrunk.holds is None and dial in shrunk.dials
    if dial is Dial.DELAY:
        slow = "" if cell.kind is Kind.LATENCY else f" of {cell.kind}"
        from_ = f"from {size}{slow} on {edge}{where}"
        told = f"however short the delay{slow} on {edge} is{where}: at {size} already" if always else from_
    elif dial is Dial.BYTES:
        told = f"when connections on {edge} end after up to {size} of answers{where}"
    else:
        longer = f"for {size} or longer{where}"
        short = f"however short {edge} {_DONE[cell.kind]}{where}: {size} are enough"
        told = short if always else f"when {edge} {_DONE[cell.kind]} {longer}"
    borne = f" ({words_of(dial, shrunk.holds)} is borne)" if shrunk.holds is not None else ""
    return f"{cell.journey} breaks {told}{borne}"


def _where(shrunk: Shrunk) -> str:
    narrowed = next((each for each in shrunk.tried if each.breaks and each.dial in {Dial.ROUTE, Dial.INSTANCE}), None)
    if narrowed is None:
        return ""
    if narrowed.dial is Dial.INSTANCE:
        return f", {narrowed.fault.rpartition(' to ')[2]}"
    return f", on {narrowed.fault.rpartition(' on ')[2]} alone"


def _turns(shrunk: Shrunk, dial: Dial | None) -> str:
    """`breaks at 300 ms and 800 ms, holds at 500 ms`."""
    sizes = [(each.size, each.breaks) for each in shrunk.tried if each.dial is dial and each.size is not None]
    broke = sorted({size for size, breaks in sizes if breaks})
    held = sorted({size for size, breaks in sizes if breaks is False})
    if shrunk.smallest is not None:
        held = [each for each in held if (each < shrunk.smallest) is (dial is Dial.BYTES)]
    words = " and ".join(words_of(dial, each) for each in broke if dial)
    return f"breaks at {words}, holds at {' and '.join(words_of(dial, each) for each in held if dial)}"


def words_of(dial: Dial, size: float) -> str:
    """A size with its unit."""
    return f"{size:.0f} bytes" if dial is Dial.BYTES else str(Duration(size))
