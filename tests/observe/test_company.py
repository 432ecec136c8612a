"""Whose processes had the processors, by what /proc tells."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.model.neighbours import Company
from harness.model.observation import WindowKind
from harness.observe.company import Key, MachineSeen, Process, company_between, machine_seen

INIT, KERNEL, OURS, SERVICE, THEIRS = (1, 0), (2, 0), (10, 5), (11, 6), (20, 7)
THEN: dict[Key, Process] = {
    INIT: Process(parent=0, name="init", ticks=100),
    KERNEL: Process(parent=0, name="kthreadd", ticks=0),
    (3, 0): Process(parent=2, name="kworker/0:1", ticks=50),
    OURS: Process(parent=1, name="harness", ticks=1000),
    SERVICE: Process(parent=10, name="orders", ticks=500),
    THEIRS: Process(parent=1, name="make", ticks=9000),
}
BEFORE = MachineSeen(t=0.0, cores=2, used=100_000, stolen=0, idle=50_000, all=150_000, processes=THEN)
"""From now on 2000 ticks of two processors are 10 s."""


def after(used: int, idle: int, stolen: int = 0, **changed: int) -> MachineSeen:
    """Ten seconds later; `changed` says what processes had since, by their name."""
    processes = {key: replace(each, ticks=each.ticks + changed.get(each.name, 0)) for key, each in THEN.items()}
    return MachineSeen(
        t=10.0,
        cores=2,
        used=BEFORE.used + used,
        stolen=stolen,
        idle=BEFORE.idle + idle,
        all=BEFORE.all + 2000,
        processes=processes,
    )


def between(later: MachineSeen, *, before: MachineSeen = BEFORE, roots: tuple[int, ...] = (10,)) -> Company:
    return company_between(before, later, WindowKind.FAULT, roots=roots)


def test_what_ours_and_all_below_them_had_is_not_others() -> None:
    found = between(after(1500, 500, harness=400, orders=1100))
    assert (found.others, found.idle, found.cores, found.start, found.end) == (0.0, 0.25, 2, 0.0, 10.0)
    assert found.who == ()


def test_what_others_had_is_told_with_their_names() -> None:
    found = between(after(1900, 100, harness=400, orders=600, make=900))
    assert (found.others, found.idle, found.who) == (0.45, 0.05, ("make",))


def test_what_came_and_went_between_two_looks_counts_for_others() -> None:
    found = between(after(1900, 100, harness=400, orders=600))
    assert (found.others, found.who) == (0.45, ())


def test_the_kernels_own_threads_are_nobodys() -> None:
    assert between(after(1000, 1000, harness=400, **{"kworker/0:1": 600})).others == 0.0


def test_what_the_hypervisor_gave_away_is_others() -> None:
    found = between(after(1000, 400, stolen=600, harness=1000))
    assert (found.others, found.stolen) == (0.3, 0.3)


def test_a_child_that_ended_counts_with_what_it_had_since_and_not_with_all_it_ever_had() -> None:
    later = after(
        800, 1200, harness=300 + 500 + 200
    )  # 300 of its own; the service ended after 700 in all, and is there
    del later.processes[SERVICE]  # type: ignore[attr-defined]  # a table made by hand
    assert between(later).others == pytest.approx((800 - 300 - 200) / 2000)


def test_who_ended_below_nobody_of_ours_takes_nothing_away() -> None:
    """A container's first process: who waits for it is the engine's, and not ours."""
    later = after(1000, 1000, harness=1000)
    del later.processes[SERVICE]  # type: ignore[attr-defined]  # as above
    apart = {**THEN, SERVICE: replace(THEN[SERVICE], parent=1)}
    assert between(later, before=replace(BEFORE, processes=apart), roots=(10, 11)).others == 0.0


def test_who_began_meanwhile_counts_from_its_beginning() -> None:
    later = after(1000, 1000, harness=400)
    born = {**later.processes, (12, 99): Process(parent=11, name="worker", ticks=600)}
    assert between(replace(later, processes=born)).others == 0.0


def test_an_engine_works_for_the_containers_that_are_under_test() -> None:
    engine = {**THEN, THEIRS: replace(THEN[THEIRS], name="dockerd")}
    later = after(1000, 1000, harness=400)
    now = {**later.processes, THEIRS: replace(engine[THEIRS], ticks=9600)}
    before, later = replace(BEFORE, processes=engine), replace(later, processes=now)
    assert company_between(before, later, WindowKind.FAULT, roots=(10,), nobodys=("dockerd",)).others == 0.0
    assert between(later, before=before).others == 0.3


def test_figures_that_do_not_quite_agree_are_nothing_and_not_less() -> None:
    assert between(after(1000, 1000, harness=1100)).others == 0.0


def test_it_is_read_from_proc(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu  10 20 30 400 50 6 7 8 0 0\ncpu0 1\ncpu1 1\nintr 5\n", encoding="ascii")
    (tmp_path / "42").mkdir()
    fields = "S 7 0 0 0 0 0 0 0 0 0 1 2 3 4 20 0 1 0 77 0"
    (tmp_path / "42" / "stat").write_text(f"42 (a ) name) {fields}\n", encoding="ascii")
    (tmp_path / "43").mkdir()  # it was there when the table was read, and is gone
    (tmp_path / "self").mkdir()
    found = machine_seen(3.0, tmp_path)
    assert found == MachineSeen(
        t=3.0,
        cores=2,
        used=60,
        stolen=8,
        idle=450,
        all=531,
        processes={(42, 77): Process(parent=7, name="a ) name", ticks=10)},
    )


def test_where_there_is_no_proc_nothing_is_known(tmp_path: Path) -> None:
    assert machine_seen(0.0, tmp_path / "nowhere") is None


def test_this_process_is_found() -> None:
    found = machine_seen(0.0)
    assert found is not None
    assert any(pid == os.getpid() for pid, _ in found.processes)
    assert found.cores >= 1
