"""`harness load capacity` at the front door: its help, and what it refuses before anything starts."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli.load_capacity import _of_all, capacity
from tests.cli.test_bad_input import harness, refused


def called(*words: str) -> Result:
    return CliRunner().invoke(capacity, words, prog_name="harness load capacity")


def test_the_help_says_how_the_knee_is_found() -> None:
    said = called("--help").output
    for word in ("--from", "--to", "--step-for", "--target", "--redundancy", "--objective", "--overload", "knee"):
        assert word in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "0"), "0.0 is not in the range 0<x<="),
        (("--from", "50", "--to", "20"), "expected --from below --to, found 50 and 20"),
        (("--step-for", "20"), "expected a duration such as"),
        (("--step-for", "1s"), "expected at least 5 s, found '1s'"),
        (("--target", "many"), "expected pages a second such as '85000/s'"),
        (("--target", "0/s"), "expected pages a second such as '85000/s'"),
        (("--target", "85000/min"), "expected pages a second such as '85000/s'"),
        (("--redundancy", "0"), "0 is not in the range 1<=x<="),
        (("--repeats", "99"), "99 is not in the range 1<=x<=10"),
        ((".", "--host", "http://127.0.0.1:1"), "expected either a SYSTEM or --host, found both"),
    ],
)
def test_what_makes_no_sense_is_refused_by_one_message(words: tuple[str, ...], said: str) -> None:
    done = called(*words)
    assert done.exit_code == 2
    assert said in done.output


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("p99 < 800ms", "all.p99 < 800ms"),
        ("p99.9 < 2s", "all.p99.9 < 2s"),
        ("failed<1%", "all.failed<1%"),
        ("checkout.p99 < 2s", "checkout.p99 < 2s"),
        ("nonsense", "nonsense"),
    ],
)
def test_an_objective_without_a_journey_is_that_of_all(written: str, meant: str) -> None:
    assert _of_all(written) == meant


def test_bad_input_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "journeys.yaml").write_text("journeys:\n  look: [GET /]\n", encoding="utf-8")
    done = harness(tmp_path, "load", "capacity", "--host", "http://127.0.0.1:1", "--locustfile", "journeys.yaml")
    refused(done, "--host: nobody answers at http://127.0.0.1:1 (Connection refused)")
    assert not (tmp_path / ".harness").exists()
