"""The pytest plugin: fixtures for a system that is up, markers for what breaks and what must hold, and what came of it.

It is loaded by every pytest run in the environment, so it imports nothing of the harness until a test asks for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.model.topology import Topology
    from harness.testing.marks import MatrixCell, Plan
    from harness.testing.system import Breakable, Load, SystemUnderTest

_FIXTURES = frozenset({"system", "edge", "instance", "load", "cell"})
_MARKERS = (
    "chaos(fault, *, edge=..., instance=...): the fault is in force while the test runs; without a fault, only a name",
    "slo(journey, *, errors=..., degraded=..., p50=..., p99=..., over='10s'): measured and held when the body ended",
    "cells(*, journeys=..., edges=..., kinds=...): the test runs once with each of these cells, as its fixture `cell`",
)
_OWN = pytest.StashKey[bool]()
_PLAN = pytest.StashKey["Plan"]()
_TOPOLOGY = pytest.StashKey["Topology"]()
_BROKE_BEFORE = pytest.StashKey[int]()
_MARKS = {"passed": "✓", "failed": "✕", "unknown": "?", "skipped": "-"}
_MOST_LINES = 200
_GROUP = "system"
"""What xdist puts behind the name of a test that shares one system: `test_it.py::test_it@system`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The description of the system to bring up, whether it is broken at all, and the seed of all chance in it."""
    group = parser.getgroup("harness", "contract tests and chaos experiments")
    group.addoption(
        "--harness-system",
        metavar="PATH",
        help="the system.yaml to bring up; by default the ini option harness_system, else the one below the root",
    )
    group.addoption(
        "--chaos",
        choices=("on", "off", "dry"),
        default="on",
        help="off: skip what needs the system; dry: check the markers, tell what they would do, and start nothing",
    )
    group.addoption(
        "--chaos-seed", "--harness-seed", dest="chaos_seed", metavar="N", type=int, help="repeat a run: its seed"
    )
    group.addoption(
        "--chaos-artifacts",
        metavar="DIR",
        help="where the run's files go, each worker's in a directory of its own; by default .harness/runs/",
    )
    group.addoption(
        "--chaos-workers",
        choices=("each", "one"),
        help="with xdist: each worker has a system of its own, or one of them does all that needs it, on one system; "
        "by default the ini option chaos_workers, else each",
    )
    parser.addini("harness_system", "the system.yaml to bring up, relative to the root directory")
    parser.addini("chaos_workers", "with xdist: each worker has a system, or one of them: each, one", default="each")


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known, and have xdist keep together what shares a system."""
    for line in _MARKERS:
        config.addinivalue_line("markers", line)
    distributed = config.getoption("dist", "no")
    if _is_for_one(config) and distributed not in {"no", "loadgroup"}:
        if distributed != "load":
            found = f"--dist={distributed}"
            raise pytest.UsageError(f"expected --dist=load or loadgroup with one system for all workers, found {found}")
        config.option.dist = "loadgroup"


def _is_for_one(config: pytest.Config) -> bool:
    """Whether one worker does all that needs the system."""
    chosen: str = config.getoption("chaos_workers") or config.getini("chaos_workers")
    if chosen not in {"each", "one"}:
        raise pytest.UsageError(f"chaos_workers: expected each or one, found {chosen!r}")
    return chosen == "one"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the marker `cells` runs once with each of them."""
    marker = metafunc.definition.get_closest_marker("cells")
    if marker is None:
        return
    if "cell" not in metafunc.fixturenames:
        pytest.fail("expected a test with the marker cells to take the fixture `cell`", pytrace=False)
    from harness.errors import HarnessError
    from harness.testing.marks import cells_of

    try:
        places = cells_of(marker.kwargs, _topology(metafunc.config))
    except HarnessError as error:
        pytest.fail(str(error), pytrace=False)
    metafunc.parametrize("cell", places, indirect=True, ids=["-".join(each) for each in places])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for our fixtures is marked, so that `-m chaos` chooses it; what is marked with work gets the system.

    What shares a system is of one group of xdist, which is done by one worker, a test at a time: what one of them
    breaks would be in what another one measures.
    """
    shared = bool(items) and hasattr(items[0].config, "workerinput") and _is_for_one(items[0].config)
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        if _asks(item):
            item.fixturenames.extend(each for each in ("system", "load") if each not in item.fixturenames)
        if item.get_closest_marker("chaos") or _is_ours(item):
            item.stash[_OWN] = True
            if item.get_closest_marker("chaos") is None:
                item.add_marker("chaos")
            if shared and _uses_system(item):
                _join(item)


def _uses_system(item: pytest.Function) -> bool:
    """Whether the system is up for it; what is only named `chaos` goes to whoever is free."""
    return bool(_FIXTURES.intersection(item.fixturenames))


def _join(item: pytest.Item) -> None:
    """Make it one of those that one worker does, by the end of its name, which is what xdist's controller looks at.

    Its own marker for this has no effect in pytest 9.2, which keeps the name in another place.
    """
    item._id = type(item._id).parse(f"{item.nodeid}@{_GROUP}")  # noqa: SLF001 -- nothing public gives a test a name


def _asks(item: pytest.Item) -> bool:
    """Whether its markers have something done, rather than only naming it."""
    return bool(item.get_closest_marker("slo")) or any(each.args or each.kwargs for each in item.iter_markers("chaos"))


def _is_ours(item: pytest.Function) -> bool:
    """Whether it asks for a fixture of this plugin, and not for one of the same name of its own."""
    known = item._fixtureinfo.name2fixturedefs  # noqa: SLF001 -- nothing public tells whose a fixture is
    asked = _FIXTURES.intersection(item.fixturenames)
    return any(each not in known or known[each][-1].func.__module__ == __name__ for each in asked)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before anything is started: nothing at all, or what the markers ask for is read."""
    if item.stash.get(_OWN, False) is False:
        return
    if f"@{_GROUP}" in item.nodeid and item.get_closest_marker("xdist_group"):
        pytest.fail("expected no xdist_group on what shares one system for all workers", pytrace=False)
    chaos = item.config.getoption("--chaos")
    if chaos == "off":
        pytest.skip("chaos is off")
    plan = _plan(item) if _asks(item) else None
    if chaos == "dry":
        pytest.skip(f"dry: {plan or 'as its body says'}")
    if plan is not None:
        item.stash[_PLAN] = plan


def _plan(item: pytest.Item) -> Plan:
    from harness.errors import HarnessError
    from harness.testing.marks import plan_of

    marks = [[(each.args, each.kwargs) for each in item.iter_markers(name)][::-1] for name in ("chaos", "slo")]
    try:
        return plan_of(marks[0], marks[1], _topology(item.config))
    except HarnessError as error:
        pytest.fail(str(error), pytrace=False)


def _topology(config: pytest.Config) -> Topology:
    """The description, read once; nothing is started for it."""
    if _TOPOLOGY not in config.stash:
        from harness.declare import find_description, load_system

        config.stash[_TOPOLOGY] = load_system(_described(config) or find_description(config.rootpath))
    return config.stash[_TOPOLOGY]


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Around the body of a test, and not around its fixtures: the faults of its markers, then its objectives."""
    __tracebackhide__ = True
    system: Any = pyfuncitem.funcargs.get("system")
    plan = pyfuncitem.stash.get(_PLAN, None)
    if pyfuncitem.stash.get(_OWN, False) and system is not None:
        pyfuncitem.stash[_BROKE_BEFORE] = len(system.broke)
    if plan is None or system is None:
        return (yield)
    with plan.held(system):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test broke and where its files are goes with its report, as plain text: a worker sends it on."""
    report = yield
    if not item.stash.get(_OWN, False):
        return report
    system: SystemUnderTest | None = getattr(item, "funcargs", {}).get("system")
    errors = sys.modules.get("harness.errors")
    undecided = bool(call.excinfo and errors and isinstance(call.excinfo.value, errors.Inconclusive))
    told: dict[str, Any] = {"outcome": "unknown" if undecided and report.failed else report.outcome, "broke": []}
    if system is not None:
        told["broke"] = system.broke[item.stash.get(_BROKE_BEFORE, len(system.broke)) :]
        if system.run is not None:
            told |= {"directory": system.run.directory, "seed": system.run.seed}
            if report.failed:
                lines = [*told["broke"], f"{system.run.directory} (reports are written there at the end)"]
                report.sections.append(("harness", "\n".join([*lines, f"repeat with --chaos-seed {system.run.seed}"])))
    report.__dict__["harness"] = told
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A section on resilience: each test that had the system, what it broke, and how that ended."""
    reports = [each for many in terminalreporter.stats.values() for each in many if hasattr(each, "harness")]
    shown = [each for each in reports if each.when == "call" or each.outcome != "passed"]
    if not shown:
        return
    terminalreporter.section("resilience")
    for each in shown[:_MOST_LINES]:
        told = each.harness
        broke = "; ".join(told["broke"]) or ("not run" if told["outcome"] == "skipped" else "nothing broken by itself")
        terminalreporter.write_line(f"{_MARKS[told['outcome']]} {each.nodeid}: {broke}")
    if len(shown) > _MOST_LINES:
        terminalreporter.write_line(f"and {len(shown) - _MOST_LINES} more")
    runs = {each.harness["directory"]: each.harness["seed"] for each in shown if "directory" in each.harness}
    for directory, seed in runs.items():
        terminalreporter.write_line(f"run in {directory}, seed {seed}")


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """A failed comparison of a figure as one line, with what the figure was taken from."""
    figures = sys.modules.get("harness.testing.figure")
    if figures is None:
        return None
    if isinstance(left, figures.Figure):
        return [left.explained(op, right)]
    if isinstance(right, figures.Figure):
        return [right.explained(op, left, other_first=True)]
    return None


@pytest.fixture(scope="session")
def system(request: pytest.FixtureRequest) -> Iterator[SystemUnderTest]:
    """The system, up for the whole session, a fault proxy on every edge; each worker of xdist that asks has one."""
    from harness.testing.bring_up import brought_up

    config = request.config
    with brought_up(
        _described(config),
        root=config.rootpath,
        seed=config.getoption("chaos_seed"),
        directory=_artifacts(config),
        failed=lambda: request.session.testsfailed > 0,
    ) as up:
        yield up


def _described(config: pytest.Config) -> Path | None:
    """The description that was named: on the command line from where pytest was called, else from its root."""
    if option := config.getoption("--harness-system"):
        return config.invocation_params.dir / Path(option)
    if ini := config.getini("harness_system"):
        return config.rootpath / Path(ini)
    return None


def _artifacts(config: pytest.Config) -> Path | None:
    option = config.getoption("--chaos-artifacts")
    if not option:
        return None
    return config.invocation_params.dir / Path(option) / os.environ.get("PYTEST_XDIST_WORKER", "run")


@pytest.fixture(scope="session")
def edge(system: SystemUnderTest) -> Callable[[str, str], Breakable]:
    """An edge to put a fault on.

    As in `with edge("gateway", "recommendations").under(latency("1s")): …`.
    """
    return system.edge


@pytest.fixture(scope="session")
def instance(system: SystemUnderTest) -> Callable[..., Breakable]:
    """An instance to put a fault on.

    As in `with instance("payments", 2).under(kill()): …`; without a number, the first.
    """
    return system.instance


@pytest.fixture
def load(system: SystemUnderTest) -> Iterator[Load]:
    """The customers' journeys: `load.measure("10s")`. They rest when the test is over."""
    yield system.load
    system.load.rest()


@pytest.fixture
def cell(request: pytest.FixtureRequest, system: SystemUnderTest) -> MatrixCell:
    """One cell of the matrix, of those that the marker `cells` names: `assert cell.visit()`."""
    from harness.testing.marks import cell_at

    place = getattr(request, "param", None)
    if place is None:
        pytest.fail("expected the marker cells on a test that takes the fixture `cell`", pytrace=False)
    return cell_at(place, system)
