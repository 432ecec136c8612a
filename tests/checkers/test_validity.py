from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.checkers.validity import validity
from harness.model.experiment import Experiment, Role
from harness.model.fault import Hits, InstanceTarget
from harness.model.finding import Finding, Part
from harness.model.history import History
from harness.model.observation import GeneratorSecond, WindowKind
from harness.model.system import Edge, Need, Store, StoreKind
from harness.model.verdict import Verdict, worst
from tests.checkers.histories import (
    BASELINE,
    CUSTOMERS,
    FAULT,
    LOST_PAYMENTS,
    PAYMENTS,
    RECOMMENDATIONS,
    RECOVERY,
    Each,
    Lose,
    Refuse,
    crossed,
    crossing_seconds,
    experiment,
    forced,
    generator_seconds,
    history,
)


def of(findings: Sequence[Finding], subject: str) -> Finding:
    return next(each for each in findings if each.subject == subject)


def unknown(subject: str, history: History) -> str:
    """The reason of the one finding that is not a PASS."""
    found = validity(history)
    assert [subject] == [each.subject for each in found if each.verdict is not Verdict.PASS]
    only = of(found, subject)
    assert Verdict.UNKNOWN is only.verdict
    assert only.replay == history.replay
    return only.reason


def test_an_experiment_as_it_should_be_is_valid() -> None:
    found = validity(history())
    assert Verdict.PASS is worst(each.verdict for each in found)
    assert {Part.VALIDITY} == {each.part for each in found}
    assert len(found) == 6


def test_no_injection_at_all_is_no_experiment() -> None:
    clean = history()
    found = validity(replace(clean, experiment=replace(clean.experiment, injections=()), forced=()))
    assert of(found, "fault in force").reason == "no fault was injected"
    assert of(found, "fault healed").verdict is Verdict.UNKNOWN


def test_a_fault_that_was_not_in_force_is_told_with_what_was_read_back() -> None:
    clean = history()
    (injection,) = clean.experiment.injections
    found = validity(replace(clean, forced=(forced(injection, in_force=False),)))
    reason = "gateway → recommendations under slow was not in force: read back as on"
    assert of(found, "fault in force").reason == reason


def test_a_fault_that_came_too_late_was_not_in_force_for_the_whole_window() -> None:
    clean = history()
    (injection,) = clean.experiment.injections
    late = replace(clean, forced=(forced(injection, armed_at=35.0),))
    assert "came into force 4.9 s late" in unknown("fault in force", late)


def test_a_fault_that_ended_early_was_not_in_force_for_the_whole_window() -> None:
    clean = history()
    early = replace(clean, forced=(replace(clean.forced[0], healed_at=42.0),))
    assert "ended 8.0 s early" in unknown("fault in force", early)


def test_a_healing_that_nobody_confirmed_is_doubted() -> None:
    clean = history()
    (injection,) = clean.experiment.injections
    assert "was not confirmed" in unknown("fault healed", replace(clean, forced=(forced(injection, verified=False),)))
    assert "was never healed" in unknown("fault healed", replace(clean, forced=(forced(injection, healed=False),)))


def test_without_a_baseline_nothing_can_be_compared() -> None:
    found = validity(replace(history(), windows=(FAULT, RECOVERY)))
    assert of(found, "baseline").reason == "there was no baseline"


def test_a_baseline_of_too_few_journeys_is_none() -> None:
    reason = unknown("baseline", replace(history(), windows=(replace(BASELINE, start=28.0), FAULT, RECOVERY)))
    assert "only 20 browse in the baseline, 30 are needed" in reason


def test_a_baseline_in_which_the_steady_state_does_not_hold_is_none() -> None:
    assert "10 % of 300 browse were bad" in unknown("baseline", history(baseline={"browse": Each(ok=9, failed=1)}))


def test_a_baseline_whose_halves_differ_is_not_steady() -> None:
    clean = history()
    ill = tuple(replace(row, outcome=row.outcome.FAILED) if row.second == 0 else row for row in clean.journeys)
    shifting = history(baseline={"browse": Each(ok=300)})
    rows = tuple(
        replace(row, outcome=row.outcome.FAILED, count=30)
        for row in shifting.journeys
        if row.second < 10 and row.journey == "browse"
    )
    reason = unknown("baseline", replace(shifting, journeys=(*shifting.journeys, *rows)))
    assert "300 of 4800 browse bad in its first half, 0 of 4500 in its second" in reason
    assert Verdict.PASS is of(validity(replace(clean, journeys=ill)), "baseline").verdict


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ((), "fault: the load generator told of 0 of 20 seconds only"),
        (generator_seconds(FAULT)[:12], "fault: the load generator told of 12 of 20 seconds only"),
        (generator_seconds(FAULT, dropped=1, started=19), "fault: 20 of 400 due journeys were dropped"),
        (generator_seconds(FAULT, started=18), "fault: only 360 of 400 due journeys were started"),
        (generator_seconds(FAULT, due=12, started=12), "fault: 240 journeys were due in 20 s, 400 were planned"),
        (generator_seconds(FAULT, lag_s=0.4), "journeys began over 100 ms late (p99) in 20 of 20 seconds"),
    ],
)
def test_a_generator_off_its_rate_makes_no_experiment(rows: tuple[GeneratorSecond, ...], reason: str) -> None:
    clean = history()
    generator = tuple(row for row in clean.generator if not FAULT.covers(row.second))
    assert reason in unknown("load generator", replace(clean, generator=(*generator, *rows)))


def test_a_surge_is_held_against_its_own_rate() -> None:
    clean = history()
    surging = replace(clean, experiment=replace(clean.experiment, surge=60.0))
    assert "400 journeys were due in 20 s, 1200 were planned" in unknown("load generator", surging)


def test_a_generator_that_lags_for_a_moment_is_forgiven() -> None:
    clean = history()
    generator = tuple(replace(row, lag_p99_s=0.5) if row.second in {30, 31} else row for row in clean.generator)
    assert Verdict.PASS is of(validity(replace(clean, generator=generator)), "load generator").verdict


def test_a_journey_with_too_few_samples_under_the_fault_is_named() -> None:
    reason = unknown("samples", history(fault={"browse": Each(ok=1), "checkout": Each(ok=20)}))
    assert reason == "only 20 browse under the fault, 30 are needed"


def test_nothing_seen_crossing_the_faulted_edge_is_unknown() -> None:
    clean = history()
    elsewhere = tuple(row for row in clean.crossings if row.line != "gateway-1->recommendations-1")
    reason = unknown("crossings", replace(clean, crossings=elsewhere))
    assert reason.startswith("0 requests met gateway → recommendations under slow, 20 are needed")


def with_a_cluster(target: InstanceTarget, *used: str) -> History:
    """Orders keeps things in a cluster of three, and its clients use only some of the nodes."""
    clean = history(experiment(target, fault=Lose()))
    system = clean.topology.system
    nodes = {f"node-{zone}": Store(kind=StoreKind.NATS, zone=zone, cluster="ring") for zone in "abc"}
    edges = tuple(Edge(consumer="orders", provider=node, need=Need.SOFT) for node in nodes)
    wider = system.model_copy(update={"stores": system.stores | nodes, "edges": system.edges + edges})
    seen = [row for node in used for row in crossing_seconds(BASELINE, f"orders-1->{node}-1", requests=5)]
    return replace(clean, topology=replace(clean.topology, system=wider), crossings=(*clean.crossings, *seen))


def test_a_node_of_a_cluster_is_put_to_the_test_by_those_who_use_another_of_its_nodes() -> None:
    lost = InstanceTarget(service="node-b")
    met = of(validity(with_a_cluster(lost, "node-a")), "crossings")
    assert Verdict.PASS is met.verdict
    assert "in its cluster" in met.reason
    alone = of(validity(with_a_cluster(lost)), "crossings")
    assert Verdict.UNKNOWN is alone.verdict


class Freeze(Lose):
    kind = "freeze"
    passes_traffic = True


def with_a_bus(fault: Lose | Freeze, *, took: int) -> History:
    """Payments is called by nobody, and fetches so many events a second."""
    clean = history(experiment(LOST_PAYMENTS, fault=fault))
    system = clean.topology.system
    edges = tuple(each for each in system.edges if each.provider != "payments")
    edges = (*edges, Edge(consumer="payments", provider="bus", need=Need.SOFT))
    wider = system.model_copy(update={"stores": system.stores | {"bus": Store(kind=StoreKind.NATS)}, "edges": edges})
    seen = crossing_seconds(BASELINE, "payments-1->bus-1", requests=took) if took else ()
    return replace(clean, topology=replace(clean.topology, system=wider), crossings=(*clean.crossings, *seen))


@pytest.mark.parametrize("fault", [Lose(), Freeze()])
def test_who_is_called_by_nobody_and_fetches_events_is_put_to_the_test_by_those(fault: Lose | Freeze) -> None:
    met = of(validity(with_a_bus(fault, took=5)), "crossings")
    assert Verdict.PASS is met.verdict, met.reason
    idle = of(validity(with_a_bus(fault, took=0)), "crossings")
    assert Verdict.UNKNOWN is idle.verdict, idle.reason


def test_who_is_called_more_than_it_fetches_is_put_to_the_test_by_its_callers_alone() -> None:
    fetching = with_a_bus(Freeze(), took=5)
    system = fetching.topology.system
    wider = system.model_copy(
        update={"edges": (*system.edges, Edge(consumer="orders", provider="payments", need=Need.HARD))}
    )
    others = [row for row in fetching.crossings if row.line != "orders-1->payments-1"]
    called = (*others, *crossing_seconds(BASELINE, "orders-1->payments-1", requests=9))
    history = replace(fetching, topology=replace(fetching.topology, system=wider), crossings=called)
    assert unknown("crossings", history).endswith("it was not put to the test")


def test_without_a_relay_nothing_is_known_of_crossings() -> None:
    assert "no relay was there" in unknown("crossings", replace(history(), crossings=()))


def test_an_open_breaker_lets_few_requests_pass_and_they_are_enough() -> None:
    moment = replace(FAULT, start=32.0, end=36.0)
    few = replace(history(), crossings=(*crossed(BASELINE), *crossed(moment, requests=1)))
    found = of(validity(few), "crossings")
    assert Verdict.PASS is found.verdict
    assert found.reason == (
        "4 requests met gateway → recommendations under slow, 20 are needed, but some 100 would have come "
        "(inferred from the baseline: 150 requests in 300 journeys, now 200 journeys): the consumer held back"
    )


def test_two_requests_are_too_few_even_for_an_open_breaker() -> None:
    moment = replace(FAULT, start=32.0, end=34.0)
    few = replace(history(), crossings=(*crossed(BASELINE), *crossed(moment, requests=1)))
    assert unknown("crossings", few).endswith("it was not put to the test")


def test_requests_that_met_the_fault_are_counted_by_line() -> None:
    clean = history()
    few = replace(clean, crossings=(*crossed(BASELINE), *crossed(FAULT, requests=2)))
    found = of(validity(few), "crossings")
    assert (Verdict.PASS, RECOMMENDATIONS.edge) == (found.verdict, found.edge)
    assert found.reason == "38 requests met gateway → recommendations under slow, 20 are needed"
    assert found.evidence == ("gateway-1->recommendations-1: 19 connections, 38 requests, 38 answers, 0 aborted",)


def with_hits(hits: Hits) -> History:
    """Much crosses the edge by the second; of that, so much met the injection."""
    clean = history()
    (forced,) = clean.forced
    assert forced.healed is not None
    return replace(clean, forced=(replace(forced, healed=replace(forced.healed, hits=hits)),))


def test_what_met_the_injection_is_told_by_its_hits_where_they_were_counted() -> None:
    found = of(validity(with_hits(Hits(connections=2, requests=31, bytes=9000))), "crossings")
    assert Verdict.PASS is found.verdict
    assert found.reason == "31 requests met gateway → recommendations under slow, 20 are needed"


@pytest.mark.parametrize(
    ("hits", "what"), [(Hits(connections=4), "0 requests"), (Hits(requests=90, exchanges=0), "0 exchanges")]
)
def test_an_injection_that_nothing_met_was_not_put_to_the_test(hits: Hits, what: str) -> None:
    reason = unknown("crossings", with_hits(hits))
    assert reason.startswith(f"{what} met gateway → recommendations under slow, 20 are needed")


@pytest.mark.parametrize(
    "question",
    [experiment(PAYMENTS, fault=Refuse()), experiment(LOST_PAYMENTS, fault=Lose())],
    ids=["edge", "instance"],
)
def test_what_meets_a_refusal_is_inferred_from_the_baseline(question: Experiment) -> None:
    refused = replace(history(question), crossings=crossed(BASELINE))
    found = of(validity(refused), "crossings")
    assert Verdict.PASS is found.verdict
    assert "inferred from the baseline: 150 requests in 300 journeys, now 200 journeys" in found.reason
    assert found.edge == PAYMENTS.edge


def test_a_load_without_the_journeys_that_cross_the_edge_does_not_put_it_to_the_test() -> None:
    question = replace(experiment(PAYMENTS, fault=Refuse()), weights={"browse": 1.0})
    idle = history(question, fault={"browse": Each(ok=20), "checkout": Each(ok=0)})
    reason = unknown("crossings", replace(idle, crossings=crossed(BASELINE)))
    assert "some 0 would have come (inferred from the baseline: 150 requests in 300 journeys, now 0 journeys)" in reason


def test_a_positive_control_is_judged_over_all_journeys_and_may_be_short() -> None:
    short = replace(FAULT, end=32.0)
    control = history(experiment(CUSTOMERS, role=Role.CONTROL))
    assert Verdict.PASS is of(validity(replace(control, windows=(BASELINE, short, RECOVERY))), "samples").verdict
    shorter = replace(control, windows=(BASELINE, replace(FAULT, end=31.0), RECOVERY))
    assert of(validity(shorter), "samples").reason == "only 20 journeys under the fault, 30 are needed"


def test_an_edge_that_the_baseline_never_crosses_is_not_put_to_the_test_by_refusing() -> None:
    refused = replace(history(experiment(PAYMENTS, fault=Refuse())), crossings=crossed(BASELINE, requests=0))
    assert "it was not put to the test" in unknown("crossings", refused)


def test_a_history_without_a_fault_window_is_no_experiment() -> None:
    clean = history()
    assert clean.window(WindowKind.REST) is None
    assert Verdict.UNKNOWN is worst(each.verdict for each in validity(replace(clean, windows=(BASELINE,))))
