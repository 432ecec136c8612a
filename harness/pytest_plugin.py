"""The pytest plugin: fixtures for a system that is up, its edges and its load.

It is loaded by every pytest run in the environment, so it imports nothing of the harness until a fixture asks for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.testing.system import Breakable, Load, SystemUnderTest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The description of the system to bring up, and the seed of all chance in it."""
    group = parser.getgroup("harness", "contract tests and chaos experiments")
    group.addoption(
        "--harness-system",
        metavar="PATH",
        help="the system.yaml to bring up; by default the ini option harness_system, else the one below the root",
    )
    group.addoption("--harness-seed", metavar="N", type=int, help="repeat a run: its seed")
    parser.addini("harness_system", "the system.yaml to bring up, relative to the root directory")


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
    """The system, up for the whole session, with a fault proxy on every edge."""
    from harness.testing.bring_up import brought_up

    config = request.config
    with brought_up(_described(config), root=config.rootpath, seed=config.getoption("--harness-seed")) as up:
        yield up


def _described(config: pytest.Config) -> Path | None:
    """The description that was named: on the command line from where pytest was called, else from its root."""
    if option := config.getoption("--harness-system"):
        return config.invocation_params.dir / Path(option)
    if ini := config.getini("harness_system"):
        return config.rootpath / Path(ini)
    return None


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
