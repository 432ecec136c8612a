"""The main job on the shop: whole, and with parts."""

from pathlib import Path

import pytest

from harness.model.attempts import that_count
from harness.model.events import ExperimentEnded, InjectionArmed, InjectionHealed, PhaseEnded, RunEnded, RunStarted
from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict
from tests.e2e.shops import changed, findings, harness, journal, left_behind, small

pytestmark = pytest.mark.e2e


def test_the_clean_shop_holds_and_everything_is_told(tmp_path: Path) -> None:
    root = small(tmp_path)
    chosen = ("--only", "recommendations-gone", "--skip", "fuzz")  # a gateway without its cart can't be fuzzed
    done = harness(root, "run", *chosen, "--seed", "1", "--directory", "run")
    assert done.returncode == 0, done.stdout + done.stderr

    events = journal(root / "run")
    assert isinstance(events[0], RunStarted)
    last = events[-1]
    assert isinstance(last, RunEnded)
    assert (last.verdict, last.exit_code) == (Verdict.PASS, 0)
    phases = [event.name for event in events if isinstance(event, PhaseEnded)]
    assert phases == ["start", "verify", "baseline", "experiments"]
    ended = [event.name for event in that_count(events) if isinstance(event, ExperimentEnded)]
    assert ended == ["placebo", "positive-control", "recommendations-gone"]
    armed = [event for event in events if isinstance(event, InjectionArmed)]
    healed = [event for event in events if isinstance(event, InjectionHealed)]
    assert len(armed) == len(healed) >= 3
    assert all(event.armed.in_force for event in armed)
    assert all(event.healed.verified for event in healed)
    assert {finding.part for finding in findings(events)} >= {Part.PACTS, Part.RESILIENCE, Part.SAFETY}

    for name in ("report.html", "junit.xml", "summary.md", "allure-results"):
        assert (root / "run" / name).exists(), name
    assert not (root / "run" / "data").exists()
    assert left_behind(root) == []


def test_clean_services_are_fuzzed_without_a_finding(tmp_path: Path) -> None:
    root = small(tmp_path)
    done = harness(root, "fuzz", "catalog", "orders", "--seed", "1", "--directory", "run")
    assert done.returncode == 0, done.stdout + done.stderr
    found = findings(journal(root / "run"))
    assert {finding.part for finding in found} == {Part.FUZZ}
    assert {finding.service for finding in found} == {"catalog", "orders"}
    assert left_behind(root) == []


def test_a_lost_fallback_is_found_at_its_edge(tmp_path: Path) -> None:
    root = small(tmp_path)
    changed(
        root / "targets" / "shop" / "services" / "gateway" / "page.py",
        "        except (Unavailable, Refused, TimeoutError):\n",
        "        except (Unavailable, Refused, TimeoutError):\n"
        "            if provider == 'recommendations':\n"
        "                raise Unavailable(provider, 'nothing stands in for them', sent=True) from None\n",
    )
    failed = refuted(root, "recommendations-gone")
    lost = [finding for finding in failed if finding.check == "availability"]
    assert [(each.subject, each.experiment, each.edge, each.service, each.owner) for each in lost] == [
        ("browse", "recommendations-gone", "gateway->recommendations", "gateway", "edge")
    ]


def test_a_double_charge_is_found_at_the_one_who_charged_twice(tmp_path: Path) -> None:
    root = small(tmp_path)
    ledger = root / "targets" / "shop" / "services" / "payments" / "store.py"
    changed(ledger, "order_id uuid NOT NULL UNIQUE", "order_id uuid NOT NULL")
    changed(ledger, "idempotency_key text NOT NULL UNIQUE", "idempotency_key text NOT NULL")
    failed = refuted(root, "payments-black-hole")
    doubled = [finding for finding in failed if finding.subject == "nobody is charged twice"]
    assert [(each.check, each.edge, each.service, each.owner) for each in doubled] == [
        ("at-most-once", "orders->payments", "payments", "payments")
    ]


def refuted(root: Path, experiment: str) -> list[Finding]:
    """What an experiment on a broken shop refutes; nothing is left of it."""
    done = harness(root, "chaos", "run", experiment, "--seed", "1", "--directory", "run")
    assert done.returncode == 1, done.stdout + done.stderr
    assert left_behind(root) == []
    return [finding for finding in findings(journal(root / "run")) if finding.verdict is Verdict.FAIL]
