"""Cells of the matrix: each rule has the case that it must refuse and the one that it must pass."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import JsonValue

from harness.checkers.cells import judge
from harness.checkers.state import StateSeen
from harness.checkers.trial import Crossed, Owed, Promised
from harness.model.fault import Armed
from harness.model.matrix import FirstFault, Kind, Rule
from harness.model.verdict import Verdict
from harness.model.visits import Exchange, Trouble
from tests.checkers.trials import DEADLINE_S, OWED, TRIAL, clean, doubted, failed, got, rules, under, visit

NOT_CLEAN = {
    "a 500": visit(got(500)),
    "a check": visit(failed="no tea"),
    "nothing": visit(got(None, trouble=Trouble.RESET)),
}
"""Visits that must not be taken for clean."""
REFUSAL = visit(got(503, {"error": "later"}), failed="GET / answered 503")


def test_a_cell_in_which_nothing_changed_and_the_fault_was_met_passes() -> None:
    result = under(visit(), visit())

    assert result.verdict is Verdict.PASS
    assert result.usable
    assert "2 requests met the fault" in result.reason


def test_a_503_in_time_is_a_clean_refusal_and_not_usable() -> None:
    result = under(REFUSAL, REFUSAL)

    assert result.verdict is Verdict.PASS
    assert result.usable is False
    assert result.answer == "503"


@pytest.mark.parametrize("took_s", [1.11, 40.0])
def test_an_answer_after_the_deadline_is_a_hang(took_s: float) -> None:
    assert failed(under(visit(got(took_s=took_s))), Rule.HANG)


def test_no_answer_in_the_customers_patience_is_a_hang() -> None:
    assert failed(under(visit(got(None, body=b"", trouble=Trouble.TIMEOUT, took_s=1.3), failed="x")), Rule.HANG)


def test_an_answer_within_a_tenth_of_the_deadline_is_no_hang() -> None:
    assert under(visit(got(took_s=DEADLINE_S * 1.09))).verdict is Verdict.PASS


@pytest.mark.parametrize("status", [500, 501, 599])
def test_another_5xx_than_503_is_refused(status: int) -> None:
    result = under(visit(got(status), failed="x"))

    assert failed(result, Rule.ERROR)
    assert f"{status} where 503 is meant" in result.reason


def test_a_long_body_is_shortened_and_says_so() -> None:
    short = under(visit(got(500, body=b"it broke"), failed="x"))
    long = under(visit(got(500, body=b"x" * 130), failed="x"))

    assert short.findings[0].evidence[0].endswith("; body it broke")
    assert long.findings[0].evidence[0].endswith(f"; body {'x' * 120}…")


def test_a_5xx_that_the_document_declares_is_allowed() -> None:
    owed = replace(OWED, declared={"GET /": frozenset({507})})

    assert under(visit(got(507), failed="x"), owed=owed).verdict is Verdict.PASS
    assert failed(under(visit(got(508), failed="x"), owed=owed), Rule.ERROR)


@pytest.mark.parametrize("status", [502, 504])
def test_a_gateways_refusal_is_allowed_and_told(status: int) -> None:
    result = under(visit(got(status), failed="x"))

    assert result.verdict is Verdict.PASS
    assert any(f"answers {status}" in each for each in result.remarks)


@pytest.mark.parametrize("trouble", [Trouble.REFUSED, Trouble.RESET, Trouble.TRUNCATED, Trouble.INVALID])
def test_a_customers_connection_that_ends_without_a_whole_answer_is_refused(trouble: Trouble) -> None:
    assert failed(under(visit(got(None, body=b"", trouble=trouble), failed="x")), Rule.BROKEN)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty"),
        (b'{"id": 1, "na', "no JSON"),
        (b"<h1>oops</h1>", "no JSON"),
        (b'{"id": 1, "offers": []}', "/name is missing"),
        (b'{"id": 1, "name": "tea", "offers": null}', "/offers is null"),
        (b'{"id": "1", "name": "tea", "offers": []}', "/id is text"),
        (b'{"id": 1, "name": "tea", "offers": [{"sku": "a"}]}', "/offers/0/price is missing"),
        (b"[]", "the whole body is list"),
    ],
)
def test_a_success_with_an_empty_or_invalid_body_is_refused(body: bytes, why: str) -> None:
    result = under(visit(got(body=body)))

    assert failed(result, Rule.BODY)
    assert why in result.reason


def test_a_body_without_its_content_type_is_refused_like_any_other() -> None:
    assert failed(under(visit(got(body=b"", headers={}))), Rule.BODY)


@pytest.mark.parametrize(
    "body", [b'{"id": 2, "name": "milk", "offers": [], "new": 1}', b'{"id": 2.5, "name": "", "offers": []}']
)
def test_other_values_more_keys_and_shorter_lists_are_as_valid(body: bytes) -> None:
    assert under(visit(got(body=body))).verdict is Verdict.PASS


def test_a_list_that_was_never_empty_is_told_when_it_is() -> None:
    result = under(visit(got(body=b'{"id": 1, "name": "tea", "offers": []}')))

    assert any("/offers is empty" in each for each in result.remarks)


def test_a_value_that_was_never_null_is_told_when_it_is() -> None:
    result = under(visit(got(body=b'{"id": 1, "name": null, "offers": [{"sku": "a", "price": 3}]}')))

    assert result.verdict is Verdict.PASS
    assert any("/name is null" in each for each in result.remarks)


def test_what_was_null_may_turn_out_to_be_anything() -> None:
    trial = replace(TRIAL, clean=clean(visit(got(document={"rating": None}))))

    for document in ({"rating": 4.5}, {"rating": {"average": 4.5}}, {"rating": None}):
        assert under(visit(got(document=document)), trial=trial).verdict is Verdict.PASS  # type: ignore[arg-type]  # JSON


def test_a_degraded_answer_may_lack_keys_but_must_be_json() -> None:
    result = under(visit(got(body=b'{"id": 1}', degraded=True)))

    assert result.verdict is Verdict.PASS
    assert result.usable
    assert failed(under(visit(got(body=b'{"id": 1', degraded=True))), Rule.BODY)
    assert failed(under(visit(got(body=b"", degraded=True))), Rule.BODY)


def test_a_check_of_the_journey_that_fails_on_a_full_success_is_refused() -> None:
    assert failed(under(visit(got(), failed="expected 3 offers")), Rule.BODY)
    assert under(visit(got(degraded=True), failed="expected 3 offers")).verdict is Verdict.PASS


def test_a_journey_that_needs_the_provider_may_end_without_what_it_wanted_and_that_is_told() -> None:
    needs = replace(OWED, needed="buy is declared to need payments")
    result = under(visit(got(), failed="still pending"), owed=needs)

    assert result.verdict is Verdict.PASS
    assert result.usable is False
    assert "valid" in result.reason
    assert any("still pending" in each for each in result.remarks)
    assert failed(under(visit(got(body=b""), failed="still pending"), owed=needs), Rule.BODY)
    assert failed(under(visit(got(), failed="still pending"), owed=replace(needs, usable="declared")), Rule.USABLE)


def test_what_was_empty_without_a_fault_may_be_empty() -> None:
    trial = replace(TRIAL, clean=clean(visit(got(204, body=b"", headers={}))))

    assert under(visit(got(204, body=b"", headers={})), trial=trial).verdict is Verdict.PASS


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_what_was_there_without_the_fault_and_is_told_as_not_there_is_refused(status: int) -> None:
    result = under(visit(got(status), failed="x"))

    assert failed(result, Rule.CLASS)
    assert "200 without the fault" in result.reason


def test_what_was_refused_without_the_fault_and_is_let_in_under_it_is_refused() -> None:
    trial = replace(TRIAL, clean=clean(visit(got(401))))

    assert failed(under(visit(got(200)), trial=trial), Rule.CLASS)
    assert under(visit(got(403)), trial=trial).verdict is Verdict.PASS
    assert under(visit(got(200, degraded=True)), trial=trial).verdict is Verdict.PASS


@pytest.mark.parametrize("status", [408, 409, 412, 424, 425, 429, 503])
def test_a_refusal_for_what_is_so_at_the_moment_is_clean(status: int) -> None:
    result = under(visit(got(status), failed="x"))

    assert result.verdict is Verdict.PASS
    assert any("blames the customer" in each for each in result.remarks) is (status != 503)


TWO_STEPS = replace(TRIAL, clean=clean(visit(got(201, method="POST", path="/orders"), got(path="/orders/1"))))


@pytest.mark.parametrize(
    "first", [got(503, method="POST", path="/orders"), got(409, method="POST", path="/orders"), got(path="/new")]
)
def test_a_404_after_a_step_that_was_not_as_usual_may_follow_from_it(first: Exchange) -> None:
    assert under(visit(first, got(404, path="/orders/1"), failed="x"), trial=TWO_STEPS).verdict is Verdict.PASS


def test_a_404_after_a_step_that_went_well_is_refused() -> None:
    well = got(201, method="POST", path="/orders")

    assert failed(under(visit(well, got(404, path="/orders/1"), failed="x"), trial=TWO_STEPS), Rule.CLASS)


def test_another_valid_answer_of_a_provider_may_say_that_there_is_nothing() -> None:
    assert under(visit(got(404), failed="x"), kind=Kind.ANSWER).verdict is Verdict.PASS


LATENCY = replace(TRIAL, delay_s=0.5)
SOFT = replace(OWED, soft="web->stock is declared soft")


def test_a_soft_call_that_is_waited_for_is_refused() -> None:
    result = under(visit(got(took_s=0.52)), kind=Kind.LATENCY, trial=LATENCY, owed=SOFT)

    assert failed(result, Rule.SLOW)


def test_a_soft_call_that_is_given_up_in_time_and_a_hard_one_that_is_waited_for_pass() -> None:
    assert under(visit(got(took_s=0.2)), kind=Kind.LATENCY, trial=LATENCY, owed=SOFT).verdict is Verdict.PASS
    assert under(visit(got(took_s=0.52)), kind=Kind.LATENCY, trial=LATENCY).verdict is Verdict.PASS


def test_a_hang_is_not_told_a_second_time_as_slow() -> None:
    assert failed(under(visit(got(took_s=2.0)), kind=Kind.LATENCY, trial=LATENCY, owed=SOFT), Rule.HANG)


def test_a_clean_refusal_is_refused_where_the_journey_is_declared_usable() -> None:
    owed = replace(OWED, usable="browse is declared usable without stock")

    assert failed(under(REFUSAL, owed=owed), Rule.USABLE)
    assert under(visit(got(degraded=True)), owed=owed).verdict is Verdict.PASS


def test_a_change_of_state_after_no_is_refused() -> None:
    no = visit(got(503, method="POST", path="/orders"), failed="x")
    trial = replace(TRIAL, state=StateSeen(changed=("GET /orders at /count",), remark="looked at: GET /orders"))
    result = under(no, trial=trial)

    assert failed(result, Rule.STATE)
    assert "POST /orders" in result.reason
    assert under(no, trial=replace(trial, state=StateSeen(remark="looked at"))).verdict is Verdict.PASS


def test_what_was_not_looked_at_is_told() -> None:
    trial = replace(TRIAL, state=StateSeen(remark="state not looked at: no view"))

    assert "state not looked at: no view" in under(REFUSAL, trial=trial).remarks


def test_an_instance_that_died_is_refused() -> None:
    assert failed(under(REFUSAL, trial=replace(TRIAL, deaths=("web-1 ended with 1",))), Rule.DIED)


def test_answers_that_are_not_as_before_after_the_healing_are_refused() -> None:
    ill = replace(TRIAL, recovered_s=None, ill="GET / → 503 in 2 ms", restarted=True)
    result = under(REFUSAL, trial=ill)

    assert failed(result, Rule.RECOVERY)
    assert "instances were restarted" in result.reason


def test_a_fault_that_nothing_crossed_is_unknown_however_well_it_went() -> None:
    trial = replace(TRIAL, crossed=Crossed(count=0, usual=1.0))

    assert doubted(under(visit(), trial=trial), Rule.NOT_CROSSED)
    assert under(visit(), trial=trial).usable is None


def test_what_crosses_anyway_is_no_crossing_of_the_journey() -> None:
    trial = replace(TRIAL, crossed=Crossed(count=5, background=4.2))

    assert doubted(under(visit(), trial=trial), Rule.NOT_CROSSED)
    assert under(visit(), trial=replace(TRIAL, crossed=Crossed(count=12, background=4.2))).verdict is Verdict.PASS


def test_a_refused_connection_is_not_counted_so_that_clean_visits_must_tell() -> None:
    none = replace(TRIAL, crossed=Crossed(count=0, usual=1.0))

    assert under(visit(), kind=Kind.REFUSED, trial=none).verdict is Verdict.PASS
    seldom = under(visit(), kind=Kind.REFUSED, trial=replace(TRIAL, crossed=Crossed(count=0, usual=0.0)))
    assert doubted(seldom, Rule.NOT_CROSSED)
    assert "not each visit does, and a refused connection is not counted" in seldom.reason


def test_a_fault_that_the_answers_show_was_felt_though_nothing_was_counted() -> None:
    """A pool of connections that were cut notices before it sends anything."""
    trial = replace(TRIAL, crossed=Crossed(count=0, usual=1.0))

    assert failed(under(visit(got(500), failed="x"), trial=trial), Rule.ERROR)
    assert under(REFUSAL, trial=trial).verdict is Verdict.PASS


def test_where_nothing_counts_the_answers_must_tell() -> None:
    trial = replace(TRIAL, crossed=Crossed(count=None))

    assert doubted(under(visit(), trial=trial), Rule.NOT_CROSSED)
    assert under(REFUSAL, trial=trial).verdict is Verdict.PASS
    late = replace(trial, delay_s=0.5)
    assert under(visit(got(took_s=0.6)), kind=Kind.LATENCY, trial=late).verdict is Verdict.PASS


@pytest.mark.parametrize("ill", NOT_CLEAN.values(), ids=list(NOT_CLEAN))
def test_a_journey_that_is_not_clean_makes_its_cells_unknown(ill: object) -> None:
    trial = replace(TRIAL, clean=clean(visit(), ill))  # type: ignore[arg-type]  # all are visits

    assert doubted(under(visit(got(500)), trial=trial), Rule.UNCLEAN)


def test_a_fault_that_did_not_bite_or_was_not_seen_to_go_proves_nothing() -> None:
    soft = replace(TRIAL, armed=Armed(in_force=False, evidence="it answers", took_s=0.1))

    assert doubted(under(visit(got(500)), trial=soft), Rule.NOT_IN_FORCE)
    assert doubted(under(visit(got(500)), trial=replace(TRIAL, healed=None)), Rule.NOT_IN_FORCE)


def test_trouble_in_the_harness_is_nobodys_fault() -> None:
    assert doubted(under(visit(got(500)), trial=replace(TRIAL, trouble="the relay is gone")), Rule.HARNESS)


def test_nothing_follows_from_a_cell_whose_proxy_died() -> None:
    found = under(visit(got(500)), trial=replace(TRIAL, sick=("relay",), trouble="the relay is gone"))
    assert doubted(found, Rule.PROXY)
    assert found.reason == "relay died or hung while the fault was in force"


def test_a_placebo_that_changes_nothing_passes_and_any_other_is_unknown() -> None:
    placebo = replace(TRIAL, crossed=Crossed(count=0))

    assert under(visit(), kind=Kind.PLACEBO, trial=placebo).verdict is Verdict.PASS
    assert doubted(under(visit(got(500)), kind=Kind.PLACEBO, trial=placebo), Rule.PLACEBO)
    assert doubted(under(REFUSAL, kind=Kind.PLACEBO, trial=placebo), Rule.PLACEBO)


def test_what_was_as_bad_under_the_first_fault_alone_says_nothing_of_the_second() -> None:
    cell = replace(TRIAL.cell, first=FirstFault(edge="web->ads", kind=Kind.REFUSED))
    trial = replace(TRIAL, cell=cell, already=frozenset({Rule.ERROR}))

    assert doubted(under(visit(got(500), failed="x"), trial=trial), Rule.SHADOWED)
    worse = under(visit(got(500, took_s=3.0), failed="x"), trial=trial)
    assert failed(worse, Rule.HANG)


def test_what_was_not_usable_under_the_first_fault_owes_nothing_under_the_second() -> None:
    cell = replace(TRIAL.cell, first=FirstFault(edge="web->ads", kind=Kind.REFUSED))
    owed = replace(OWED, usable="browse is declared usable without stock")

    assert failed(under(REFUSAL, trial=replace(TRIAL, cell=cell), owed=owed), Rule.USABLE)
    before = under(REFUSAL, trial=replace(TRIAL, cell=cell, usable_before=False), owed=owed)
    assert before.verdict is Verdict.PASS
    assert before.usable is None


def test_answers_that_differ_under_a_first_fault_do_not_show_that_the_second_was_felt() -> None:
    cell = replace(TRIAL.cell, first=FirstFault(edge="web->ads", kind=Kind.REFUSED))
    trial = replace(TRIAL, cell=cell, crossed=Crossed(count=0))

    assert doubted(under(REFUSAL, trial=trial), Rule.NOT_CROSSED)


def test_several_rules_are_told_each() -> None:
    result = under(visit(got(500, took_s=3.0)), visit(got(body=b"")))

    assert {*rules(result)} == {Rule.HANG, Rule.ERROR, Rule.BODY}
    assert all("of 2 visits" in each.reason for each in result.findings)


def test_a_trial_without_visits_is_unknown() -> None:
    assert doubted(judge(replace(TRIAL, visits=()), Owed(deadline_s=1.0)), Rule.HARNESS)


SLOW = replace(
    TRIAL,
    cell=replace(TRIAL.cell, kind=Kind.BLACK_HOLE),
    visits=(visit(got(took_s=0.9)), visit(got(took_s=0.9))),
    crossed=Crossed(count=2, usual=1.0),
)


def test_an_answer_after_the_edges_own_deadline_is_red() -> None:
    owed = replace(OWED, edge_deadline_s=0.25)

    assert failed(judge(SLOW, owed), Rule.OVERDUE)
    assert judge(SLOW, OWED).verdict is Verdict.PASS, "nothing is declared"
    assert judge(SLOW, replace(owed, edge_deadline_s=0.7)).verdict is Verdict.PASS, "within it"


def test_a_visit_with_more_calls_may_wait_for_each() -> None:
    calls = replace(SLOW, crossed=Crossed(count=6, usual=3.0))

    assert judge(calls, replace(OWED, edge_deadline_s=0.25)).verdict is Verdict.PASS


def test_a_deadline_says_nothing_of_faults_that_answer_at_once() -> None:
    quick = replace(SLOW, cell=replace(SLOW.cell, kind=Kind.RESET))

    assert judge(quick, replace(OWED, edge_deadline_s=0.25)).verdict is Verdict.PASS


PROMISED = {"GET /": {503: Promised(headers=("Retry-After",), media=("application/problem+json",))}}
PROBLEM = {"content-type": "application/problem+json", "retry-after": "1"}


def test_a_refusal_is_held_to_what_the_document_declares_of_it() -> None:
    owed = replace(OWED, refusals=PROMISED, declared={"GET /": frozenset({503})})

    assert under(visit(got(503, headers=PROBLEM)), owed=owed).verdict is Verdict.PASS
    hasty = {"content-type": "application/problem+json"}
    assert failed(under(visit(got(503, headers=hasty)), owed=owed), Rule.REFUSAL)
    plain = {"content-type": "text/plain", "retry-after": "1"}
    assert failed(under(visit(got(503, headers=plain)), owed=owed), Rule.REFUSAL)


def test_a_refusal_of_which_nothing_is_declared_may_be_plain() -> None:
    assert under(visit(got(503, headers={}))).verdict is Verdict.PASS


LESS: JsonValue = {"id": 1, "name": "tea", "offers": []}
SOFT = replace(OWED, soft="web->stock is declared soft", usable="web->stock is declared soft", marks=True)
HEALED_WELL = replace(TRIAL, after=(visit(),))


def test_an_answer_that_lacks_something_and_does_not_say_so_is_red_where_the_mark_is_declared() -> None:
    less = visit(got(document=LESS))

    assert failed(under(less, less, owed=SOFT, trial=HEALED_WELL), Rule.UNMARKED)
    marked = visit(got(document=LESS, degraded=True))
    assert under(marked, marked, owed=SOFT, trial=HEALED_WELL).verdict is Verdict.PASS
    assert under(less, less, owed=replace(SOFT, marks=False), trial=HEALED_WELL).verdict is Verdict.PASS
    assert under(less, less, owed=OWED, trial=HEALED_WELL).verdict is Verdict.PASS


def test_what_one_visit_lacks_or_the_healed_system_too_may_be_the_datas_own() -> None:
    less = visit(got(document=LESS))

    assert under(less, visit(), owed=SOFT, trial=HEALED_WELL).verdict is Verdict.PASS
    assert under(less, less, owed=SOFT, trial=replace(TRIAL, after=(less,))).verdict is Verdict.PASS
    assert under(less, owed=SOFT, trial=HEALED_WELL).verdict is Verdict.PASS


def test_who_asks_again_until_nothing_is_lacking_lacks_nothing_but_who_still_lacks_it_does() -> None:
    less, whole = got(document=LESS), got()

    assert under(visit(less, whole), visit(less, whole), owed=SOFT, trial=HEALED_WELL).verdict is Verdict.PASS
    assert failed(under(visit(whole, less), visit(whole, less), owed=SOFT, trial=HEALED_WELL), Rule.UNMARKED)
    refused = got(503, headers=PROBLEM)
    assert failed(under(visit(less, refused), visit(less, refused), owed=SOFT, trial=HEALED_WELL), Rule.UNMARKED)


@pytest.mark.parametrize(
    "document",
    [
        {"id": 0, "name": "tea", "offers": [{"sku": "a", "price": 3}]},
        {"id": 1, "name": "", "offers": [{"sku": "a", "price": 3}]},
        {"id": 1, "name": "tea", "offers": [{"sku": "a", "price": 0}, {"sku": "b", "price": 0.0}]},
    ],
)
def test_a_zero_in_place_of_a_value_that_does_not_say_so_is_red_where_the_mark_is_declared(document: JsonValue) -> None:
    lies, marked = visit(got(document=document)), visit(got(document=document, degraded=True))

    assert failed(under(lies, lies, owed=SOFT, trial=HEALED_WELL), Rule.UNMARKED)
    assert under(marked, marked, owed=SOFT, trial=HEALED_WELL).verdict is Verdict.PASS
    assert under(lies, lies, owed=OWED, trial=HEALED_WELL).verdict is Verdict.PASS


def test_a_zero_that_is_seen_without_the_fault_too_or_now_and_then_is_the_datas_own() -> None:
    zero = visit(got(document={"id": 0, "name": "tea", "offers": [{"sku": "a", "price": 3}]}))
    some = visit(got(document={"id": 1, "name": "tea", "offers": [{"sku": "a", "price": 0}, {"sku": "b", "price": 3}]}))

    assert under(zero, zero, owed=SOFT, trial=replace(HEALED_WELL, clean=clean(visit(), zero))).verdict is Verdict.PASS
    assert under(zero, zero, owed=SOFT, trial=replace(HEALED_WELL, after=(zero,))).verdict is Verdict.PASS
    assert under(zero, visit(), owed=SOFT, trial=HEALED_WELL).verdict is Verdict.PASS
    assert under(some, some, owed=SOFT, trial=HEALED_WELL).verdict is Verdict.PASS


def test_an_edge_that_everybody_crosses_counts_when_it_is_known_as_the_journeys_own() -> None:
    busy = Crossed(count=3, background=4.0, unseen=1.0, visits=2, usual=1.0)

    assert doubted(under(visit(), visit(), trial=replace(TRIAL, crossed=busy)), Rule.NOT_CROSSED)
    own = replace(TRIAL, crossed=replace(busy, own=True))
    assert under(visit(), visit(), trial=own).verdict is Verdict.PASS
    opened = replace(TRIAL, crossed=replace(busy, own=True, count=0, opened=2))
    assert "2 connections met the fault" in under(visit(), visit(), trial=opened).reason
    missed = replace(TRIAL, crossed=replace(busy, own=True, count=1))
    assert doubted(under(visit(), visit(), trial=missed), Rule.NOT_CROSSED)
