"""Which experiments a run gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.engine.prepare import Options, prepare
from harness.errors import DeclarationError
from tests.engine.test_roll import SYSTEM

EXPERIMENT = """\
experiment: {name}
hypothesis: Nobody misses the lone one.
{long}
injections: [{{edge: front->lone, fault: down, for: 20s}}]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "system.yaml").write_text(SYSTEM + "content: {load: load.py}\n", encoding="utf-8")
    (tmp_path / "load.py").write_text("", encoding="utf-8")
    (tmp_path / "chaos" / "experiments").mkdir(parents=True)
    write(tmp_path, "brief", long=False)
    write(tmp_path, "slow", long=True)
    return tmp_path


def write(root: Path, name: str, *, long: bool) -> None:
    text = EXPERIMENT.format(name=name, long=f"long: {str(long).lower()}")
    (root / "chaos" / "experiments" / f"{name}.yaml").write_text(text, encoding="utf-8")


def names(root: Path, *only: str, long: bool) -> tuple[list[str], tuple[str, ...]]:
    """The declared experiments that are run, and those that are left out."""
    options = Options(system=root / "system.yaml", parts=frozenset({"chaos"}), only=only, long=long)
    plan = prepare(options)
    return [each.name for each in plan.experiments if each.source], plan.left_out


def test_what_takes_long_is_run_only_when_asked_for(shop: Path) -> None:
    assert names(shop, long=False) == (["brief"], ("slow",))
    assert names(shop, long=True) == (["brief", "slow"], ())
    assert names(shop, "slow", long=False) == (["slow"], ())


def test_a_run_with_nothing_but_long_experiments_is_refused(shop: Path) -> None:
    write(shop, "brief", long=True)
    with pytest.raises(DeclarationError, match="holds only long experiments"):
        names(shop, long=False)
