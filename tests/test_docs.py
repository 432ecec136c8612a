"""The documents: what they show is read by the harness itself, and what they link to is there."""

from __future__ import annotations

import datetime as dt
import json
import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from harness.cli import cli
from harness.declare import load_experiment, load_experiments, load_invariants, load_system
from harness.declare.accepted import load_accepted
from harness.declare.gameday import parse_gameday
from harness.declare.load_profile import load_profile
from harness.declare.steps import read_steps
from harness.errors import DeclarationError
from harness.faults import FAULTS
from harness.model.declared import DegradedMark
from harness.model.experiment import Expectation
from harness.model.notifying import Notify
from harness.model.topology import Topology

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def every(language: str) -> list[object]:
    """All blocks of a language, on all pages, each with the name of its page."""
    return [
        pytest.param(block, id=f"{page.stem}-{number}")
        for page in PAGES
        for number, block in enumerate(blocks(page, language), start=1)
    ]


@pytest.fixture(scope="module")
def topology() -> Topology:
    return load_system(ROOT / "targets" / "shop" / "system.yaml")


def read(block: str, directory: Path, topology: Topology) -> None:
    """Read an example as what its first key says that it is; raises DeclarationError."""
    match block.lstrip().partition(":")[0]:
        case "system":
            (directory / "system.yaml").write_text(block)
            load_system(directory / "system.yaml")
        case "experiment":
            (directory / "it.yaml").write_text(block)
            load_experiment(directory / "it.yaml", topology, faults=FAULTS)
        case "gameday":
            declared = load_experiments(ROOT / "chaos" / "experiments", topology, faults=FAULTS)
            now = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
            parse_gameday(block, topology, {each.name: each for each in declared}, now=now, file="it.yaml")
        case "reads":
            (directory / "invariants.yaml").write_text(block)
            load_invariants(directory, topology)
        case "journeys" | "variables":
            (directory / "journeys.yaml").write_text(block)
            read_steps(directory / "journeys.yaml")
        case "accepted":
            (directory / "accepted.yaml").write_text(block)
            load_accepted(directory, topology, [each.stem for each in (ROOT / "chaos" / "experiments").glob("*.yaml")])
        case "load":
            (directory / "profile.yaml").write_text(block)
            (directory / "recorded-day.csv").write_text("time,journey\n0,browse\n1,checkout\n")
            load_profile(directory / "profile.yaml", dict.fromkeys(topology.system.journeys, 1.0))
        case "notify":
            Notify.model_validate_json(json.dumps(yaml.safe_load(block)["notify"]))
        case "degraded":
            DegradedMark.model_validate(yaml.safe_load(block)["degraded"])
        case other:
            pytest.fail(f"expected an example that begins with what one of our files begins with, found {other!r}")


@pytest.mark.parametrize("block", every("yaml"))
def test_an_example_in_yaml_is_one_that_the_harness_accepts(block: str, tmp_path: Path, topology: Topology) -> None:
    read(block, tmp_path, topology)


def test_an_example_with_a_wrong_key_would_be_noticed(tmp_path: Path, topology: Topology) -> None:
    block = blocks(ROOT / "README.md", "yaml")[0].replace("hypothesis:", "hypotheses:")

    with pytest.raises(DeclarationError, match="hypotheses"):
        read(block, tmp_path, topology)


@pytest.mark.parametrize("block", every("python"))
def test_an_example_in_python_can_be_compiled(block: str) -> None:
    compile(block, "example", "exec")


def parse(line: str) -> None:
    """Have a command line of the harness parsed, without running it; raises `click.UsageError`."""
    command: click.Command = cli
    context = None
    arguments = shlex.split(line, comments=True)[1:]
    while isinstance(command, click.Group):
        group = click.Context(command, parent=context, info_name=command.name)
        command.parse_args(group, arguments)  # a front may read its line before it looks for the command
        _, found, arguments = command.resolve_command(group, [*group._protected_args, *group.args])
        assert found is not None
        command, context = found, group
    command.make_context(command.name, arguments, parent=context)


@pytest.mark.parametrize("block", every("sh"))
def test_the_commands_of_the_harness_are_ones_that_it_knows(block: str) -> None:
    for line in block.splitlines():
        if line.startswith("harness "):
            parse(line)


def test_a_command_with_an_unknown_option_would_be_noticed() -> None:
    with pytest.raises(click.UsageError):
        parse("harness run --fast")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())

    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def rows(page: Path, heading: str) -> set[str]:
    """The first cells of the first table below a heading."""
    section = page.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([a-z-]+)`", section, flags=re.MULTILINE))


def test_every_fault_is_told() -> None:
    told = re.findall(r"^\| `([a-z0-9-]+)`", (ROOT / "docs" / "faults.md").read_text(), flags=re.MULTILINE)

    assert set(told) == set(FAULTS)


def test_every_expectation_is_told() -> None:
    page = ROOT / "docs" / "experiments.md"

    assert rows(page, "What a journey owes") == {each.value for each in Expectation}


@pytest.mark.parametrize(("page", "most"), [("README.md", 120), ("ARCHITECTURE.md", 80)])
def test_a_page_that_should_be_short_is(page: str, most: int) -> None:
    assert len((ROOT / page).read_text().splitlines()) <= most


@pytest.mark.parametrize("page", ["README.md", "docs/first-experiment.md"])
def test_the_experiment_that_a_page_shows_is_the_one_that_runs(page: str) -> None:
    shown = (ROOT / "chaos" / "experiments" / "recommendations-slow.yaml").read_text()
    assert shown in blocks(ROOT / page, "yaml")
