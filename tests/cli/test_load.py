"""`harness load` at the front door: its help, and what it refuses before anything starts."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli.load import COMMANDS, load
from tests.cli.test_bad_input import harness, refused

STEPS = "journeys:\n  look: [GET /]\n"


def called(*words: str) -> Result:
    return CliRunner().invoke(load, words, prog_name="harness load")


def test_the_help_tells_of_the_run_and_of_the_other_commands() -> None:
    said = called("--help").output
    for word in ("[OPTIONS] [SYSTEM]", "--profile", "--rate", "--expect", "--host", "--processes", *COMMANDS):
        assert word in said
    assert called("run", "--help").exit_code == 0


def test_the_help_imports_nothing_that_is_heavy() -> None:
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from harness.cli import cli\n"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0\n"
        "assert CliRunner().invoke(cli, ['load', '--help']).exit_code == 0\n"
        "print([name for name in ('locust', 'gevent', 'pydantic', 'yaml', 'aiohttp') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rate", "0"), "Invalid value for '--rate': 0.0 is not in the range 0<x<="),
        (("--rate", "fast"), "'fast' is not a valid float"),
        (("--for", "20"), "expected a duration such as '250ms', '1.5s' or '2m', found '20'"),
        (("--for", "200ms"), "expected at least 1 s, found '200ms'"),
        (("--users", "0"), "0 is not in the range 1<=x<="),
        (("--profile", "spike", "--rate", "5"), "--profile says how the load goes: leave --rate out"),
        (("--profile", "spike", "--users", "5", "--for", "5s"), "leave --users and --for out"),
        (("--rate", "5", "--users", "5"), "expected either --rate (open arrivals) or --users (closed ones)"),
        ((".", "--host", "http://127.0.0.1:1"), "expected either a SYSTEM or --host, found both"),
        (("--workers", "2"), "--workers and --bind go with --master"),
        (("--master", "--processes", "2"), "leave --processes out"),
        (("--master", "--bind", "[::1"), "expected ADDRESS[:PORT], found '[::1'"),
        (("--rtae", "5"), "--rtae"),
    ],
)
def test_what_makes_no_sense_is_refused_by_one_message(words: tuple[str, ...], said: str) -> None:
    done = called(*words)
    assert done.exit_code == 2
    assert said in done.output


def test_bad_input_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "journeys.yaml").write_text(STEPS, encoding="utf-8")
    done = harness(tmp_path, "load", "--host", "http://127.0.0.1:1", "--locustfile", "journeys.yaml")
    refused(done, "--host: nobody answers at http://127.0.0.1:1 (Connection refused)")
    assert not (tmp_path / ".harness").exists()
