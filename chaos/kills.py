"""Kills the harness in every phase of an experiment, again and again, and tells what is left: `make kills`.

Each kill has a system of its own: two services, one journey, one fault of a dozen. A run that was cut short goes on
where it was; the same seed kills at the same moments.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from chaos.doomed import WITHIN_S, Death, Doom, dooms, end_leftovers, meet, remove

Line = dict[str, Any]
"""A `Death` as the file has it, with its seed and runtime."""
STATE = Path(".harness") / "kills.ndjson"


def main(arguments: Sequence[str], out: TextIO) -> int:
    """Kill so many; gives 1 when anything was left, 2 when a run could not be killed where it was to be."""
    parser = argparse.ArgumentParser(prog="make kills", description=__doc__)
    parser.add_argument("--count", type=int, default=10, help="kills in all (10), those of an earlier run included")
    parser.add_argument("--seed", type=int, default=1, help="of moments and faults (1)")
    parser.add_argument("--runtime", choices=("process", "namespaces"), default="process", help="of the tiny system")
    parser.add_argument("--at-once", type=int, default=1, help="systems at the same time (1)")
    parser.add_argument("--state", type=Path, default=STATE, help=f"what came of each; it is gone on with ({STATE})")
    asked = parser.parse_args(arguments)
    if asked.count < 1 or asked.at_once < 1:
        parser.error("expected --count and --at-once of at least 1")
    known = earlier(asked.state, seed=asked.seed, runtime=asked.runtime)
    wanted = [doom for doom in islice(dooms(asked.seed), asked.count) if doom.number not in known]
    asked.state.parent.mkdir(parents=True, exist_ok=True)
    failed = 0
    with asked.state.open("a", encoding="utf-8") as state, ThreadPoolExecutor(asked.at_once) as pool:
        for result in pool.map(lambda doom: one(doom, asked.runtime), wanted):
            if isinstance(result, str):
                failed += 1
                out.write(f"{result}\n")
                continue
            line = {"seed": asked.seed, "runtime": asked.runtime, **asdict(result)}
            state.write(json.dumps(line) + "\n")
            state.flush()
            known[result.doom.number] = line
            out.write(f"{in_words(line)}\n")
            out.flush()
    told = [known[number] for number in sorted(known) if number <= asked.count]
    out.write(summary(told))
    if any(each["left"] for each in told):
        return 1
    return 2 if failed else 0


def one(doom: Doom, runtime: str) -> Death | str:
    """Kill one; why not, in words."""
    root = Path(tempfile.mkdtemp(prefix="harness-kill-"))
    try:
        death = meet(doom, root, runtime=runtime)
    except RuntimeError as error:
        return f"kill {doom.number}: {error}"
    else:
        if death.left:
            end_leftovers(root)
        return death
    finally:
        remove(root)


def earlier(state: Path, *, seed: int, runtime: str) -> dict[int, Line]:
    """What an earlier run came to, by number; half a line is none."""
    found: dict[int, Line] = {}
    for line in state.read_text(encoding="utf-8").splitlines() if state.exists() else ():
        try:
            each = json.loads(line)
            if (each["seed"], each["runtime"]) == (seed, runtime):
                found[int(each["doom"]["number"])] = each
        except (ValueError, KeyError, TypeError):
            continue
    return found


def in_words(line: Line) -> str:
    """One kill."""
    doom, held = line["doom"], line["held"]
    left = "; ".join(line["left"]) or "nothing left"
    there = ", ".join(f"{count} {what}" for what, count in held.items() if count)
    return (
        f"{doom['number']:4}  {doom['phase']:12} +{doom['after_s']:.3f} s, fell in {line['fell']:12} "
        f"{doom['fault']:62} ({there}): {left} after {line['gone_after_s']:.2f} s"
    )


def summary(lines: Iterable[Line]) -> str:
    """All of them: where they fell, what was left, how long it took."""
    told = list(lines)
    if not told:
        return "nothing was killed\n"
    by_phase: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in told:
        by_phase[each["fell"]]["left" if each["left"] else "clean"] += 1
    rows = [
        f"  {name:12} {by_phase[name]['clean']:4} clean  {by_phase[name]['left']:4} with leftovers" for name in WITHIN_S
    ]
    took = sorted(each["gone_after_s"] for each in told)
    dirty = sum(bool(each["left"]) for each in told)
    times = f"{took[len(took) // 2]:.2f} s (median), {took[-1]:.2f} s (worst)"
    return "\n".join((f"{len(told)} kills, {dirty} with leftovers; all gone after {times}", *rows, ""))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout))
