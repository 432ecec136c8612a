from __future__ import annotations

import datetime as dt

import pytest
from kit.trouble import Refused
from registry.leases import KEPT_S, MOST, Leases
from registry.models import Instance, Lease

from tests.targets.conftest import FakeClock

SLOW = "catalog is unavailable: no answer within 500 ms"


def lease(instance: str = "catalog-1", service: str = "catalog", version: str = "1.0.0") -> Lease:
    return Lease(service=service, instance=instance, zone="a", version=version, owner="team", documents=[], lease_s=6)


def leases(clock: FakeClock) -> Leases:
    return Leases(clock, lambda: dt.datetime(2026, 1, 2, tzinfo=dt.UTC) + dt.timedelta(seconds=clock()))


def only(found: Leases) -> Instance:
    (instance,) = found.all()
    return instance


def test_an_instance_is_up_once_it_has_been_checked_and_not_by_its_word(clock: FakeClock) -> None:
    found = leases(clock)
    assert found.put(lease())
    assert (only(found).up, only(found).why, only(found).checked_at) == (False, "not checked yet", None)
    found.checked("catalog-1", None)
    assert (only(found).up, only(found).why) == (True, None)
    assert only(found).checked_at == "2026-01-02T00:01:40.000+00:00"


def test_a_lease_that_is_renewed_lasts_and_one_that_is_not_runs_out(clock: FakeClock) -> None:
    found = leases(clock)
    found.put(lease())
    found.checked("catalog-1", None)
    for _ in range(5):
        clock.pass_s(4)
        assert not found.put(lease())
        assert only(found).up
    clock.pass_s(6)
    assert (only(found).up, only(found).why) == (False, "its lease ran out")
    assert found.living() == []


def test_who_comes_back_after_its_lease_ran_out_is_checked_anew(clock: FakeClock) -> None:
    found = leases(clock)
    found.put(lease())
    found.checked("catalog-1", None)
    clock.pass_s(7)
    assert found.put(lease())
    assert only(found).why == "not checked yet"


def test_another_version_in_the_same_place_is_checked_anew(clock: FakeClock) -> None:
    found = leases(clock)
    found.put(lease())
    found.checked("catalog-1", None)
    assert found.put(lease(version="1.1.0"))
    assert (only(found).up, only(found).version) == (False, "1.1.0")


def test_one_slow_check_takes_nobody_down_but_two_do(clock: FakeClock) -> None:
    found = leases(clock)
    found.put(lease())
    found.checked("catalog-1", None)
    for why, up in ((SLOW, True), (None, True), (SLOW, True), (SLOW, False), (SLOW, False), (None, True), (SLOW, True)):
        found.checked("catalog-1", why)
        assert only(found).up is up
    found.checked("catalog-1", SLOW)
    assert only(found).why == SLOW


def test_a_new_instance_that_fails_its_first_check_says_why(clock: FakeClock) -> None:
    found = leases(clock)
    found.put(lease())
    found.checked("catalog-1", SLOW)
    assert (only(found).up, only(found).why) == (False, SLOW)


def test_a_lease_given_back_is_off_the_list(clock: FakeClock) -> None:
    found = leases(clock)
    found.put(lease())
    assert found.drop("catalog-1")
    assert not found.drop("catalog-1")
    assert found.all() == []
    found.checked("catalog-1", None)
    assert found.all() == []


def test_nobody_takes_over_another_services_instance(clock: FakeClock) -> None:
    found = leases(clock)
    found.put(lease())
    with pytest.raises(Refused, match="an instance of catalog"):
        found.put(lease(service="cart"))


def test_the_list_has_an_end_and_the_long_gone_make_room(clock: FakeClock) -> None:
    found = leases(clock)
    for number in range(MOST):
        found.put(lease(f"catalog-{number}"))
    with pytest.raises(Refused, match="already"):
        found.put(lease("one-more"))
    assert not found.put(lease("catalog-1"))
    clock.pass_s(KEPT_S + 7)
    assert found.put(lease("one-more"))
    assert [each.instance for each in found.all()] == ["one-more"]
