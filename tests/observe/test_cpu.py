"""CPU of processes and of all that descends from them."""

import os
import subprocess
import sys
import time

from harness.observe.cpu import CpuSeen, cores_between, cpu_seen, machine_between

BURNS = "sum(range(30_000_000)); input()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURNS!r}], stdin=sys.stdin)"


def seen(t: float, **processes: dict[tuple[int, float], float]) -> CpuSeen:
    return CpuSeen(t=t, processes=processes, busy_s=t)


def test_cores_are_seconds_of_cpu_a_second() -> None:
    found = cores_between(seen(0.0, shop={(1, 0.0): 2.0}), seen(4.0, shop={(1, 0.0): 5.0, (2, 3.0): 1.0}))
    assert found == {"shop": 1.0}


def test_a_process_id_that_was_given_again_is_another_process() -> None:
    found = cores_between(seen(0.0, shop={(1, 0.0): 100.0}), seen(2.0, shop={(1, 1.5): 0.5}))
    assert found == {"shop": 0.25}


def test_what_began_meanwhile_counts_from_its_beginning() -> None:
    assert cores_between(seen(0.0), seen(1.0, shop={(1, 0.5): 0.25})) == {"shop": 0.25}


def test_a_child_counts_for_its_parent_and_not_for_those_above_it() -> None:
    roots = {"here": os.getpid()}
    before = cpu_seen(roots, 0.0)
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE) as child:
        roots["child"] = child.pid
        limit = time.monotonic() + 60
        while sum(cpu_seen(roots, 1.0).processes["child"].values()) < 0.3:
            assert time.monotonic() < limit
        after = cpu_seen(roots, 1.0)
        child.communicate(b"\n")
    assert len(after.processes["child"]) == 2
    assert cores_between(before, after)["child"] >= 0.3
    used = machine_between(before, after, own=0.1)
    assert used.cores >= 1
    assert used.busy >= 0.3


def test_who_is_not_known_by_its_process_has_no_figure() -> None:
    assert cpu_seen({"elsewhere": 0}, 0.0).processes == {}
