"""Copies of one cart that were changed apart: whoever sends back what she saw is never shown less."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cart import store as stores
from cart.log import Log
from cart.merge import Cart, merge
from hypothesis import given
from hypothesis import strategies as st
from kit.trouble import Unavailable

from tests.targets.cart.apart import WHOSE, Instance, Store

LAMP, CHAIR = "sku-0001", "sku-0002"


@pytest.fixture(autouse=True, scope="module")
def _no_pauses() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stores, "LATER_S", (0.0, 0.0))
        yield


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def home(store: Store) -> Instance:
    return Instance(store, 1)


@pytest.fixture
def other(store: Store) -> Instance:
    return Instance(store, 2)


async def test_another_instance_changes_no_copy_that_lacks_what_she_has_seen(
    store: Store, other: Instance, tmp_path: Path
) -> None:
    """Her home keeps a change of hers, since no majority answers; then she is sent to another instance."""
    log = Log(tmp_path / "carts.log")
    home = Instance(store, 1, log)
    await home.put(LAMP, 1, 0)
    home.way.majority = False
    home.now_ms = 5
    seen = await home.put(LAMP, 4, (await home.read(0)).cart.version)
    assert (seen.agreed, seen.cart.items) == (False, {LAMP: 4})
    other.now_ms = 9
    with pytest.raises(Unavailable, match="has not arrived at cart-2"):
        await other.put(CHAIR, 2, seen.cart.version)
    with pytest.raises(Unavailable, match="has not arrived at cart-2"):
        await other.carts.clear(WHOSE, seen.cart.version)
    assert store.cart.items == {LAMP: 1}

    home.way.majority = True
    await home.flush()
    await log.close()
    changed = await other.put(CHAIR, 2, seen.cart.version)
    assert changed.cart.items == {LAMP: 4, CHAIR: 2}
    assert (await other.read(changed.cart.version)).cart.items == {LAMP: 4, CHAIR: 2}


async def test_a_higher_version_of_a_copy_that_lacks_what_she_has_seen_is_not_shown_to_her(
    home: Instance, other: Instance
) -> None:
    home.way.majority = False
    seen = await home.put(LAMP, 4, 0)
    other.now_ms = 9
    from_elsewhere = await other.put(CHAIR, 2, 0)
    assert from_elsewhere.cart.version > seen.cart.version
    with pytest.raises(Unavailable, match="has not arrived"):
        await other.read(seen.cart.version)


async def test_without_a_majority_no_copy_is_changed_either_that_lacks_what_she_has_seen(
    home: Instance, other: Instance
) -> None:
    home.way.majority = other.way.majority = False
    seen = await home.put(LAMP, 4, 0)
    with pytest.raises(Unavailable, match="has not arrived"):
        await other.put(CHAIR, 2, seen.cart.version)
    assert not other.log.pending


async def test_who_says_nothing_of_what_she_has_seen_changes_any_copy(home: Instance, other: Instance) -> None:
    home.way.majority = False
    await home.put(LAMP, 4, 0)
    assert (await other.put(CHAIR, 2, 0)).cart.items == {CHAIR: 2}
    other.way.majority = False
    assert (await other.put(CHAIR, 3, 0)).cart.items == {CHAIR: 3}


async def test_what_a_read_merges_has_a_version_that_means_all_of_it(
    store: Store, home: Instance, other: Instance
) -> None:
    home.way.majority = False
    home.now_ms = 9
    kept = (await home.put(LAMP, 4, 0)).cart
    stored = (await other.put(CHAIR, 2, 0)).cart
    home.way.majority = True
    both = (await home.read(kept.version)).cart
    assert both.items == {LAMP: 4, CHAIR: 2}
    assert both.version not in {kept.version, stored.version}
    assert not kept.includes(both.version)
    assert (await home.read(both.version)).cart == both
    with pytest.raises(Unavailable, match="has not arrived"):
        await other.read(both.version)
    await home.flush()
    assert (await other.read(both.version)).cart.items == both.items
    assert store.cart.version > both.version


async def test_what_is_made_of_an_older_replica_is_not_taken_for_the_change_that_was_not_answered(
    home: Instance, other: Instance
) -> None:
    """The store takes a change of the instance, which hears nothing of it, and makes it anew without what it was of."""
    home.way.deaf = True
    home.way.behind = 2
    home.now_ms = 5
    await other.put(CHAIR, 2, 0)
    await home.put(LAMP, 1, 0)
    seen = (await other.read(0)).cart
    assert seen.items == {LAMP: 1, CHAIR: 2}
    assert (await home.read(0)).cart.items == {LAMP: 1}
    with pytest.raises(Unavailable, match="has not arrived"):
        await home.read(seen.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Somebody reads or changes the cart at an instance, which is well, or to which the store is as `way` says."""

    who: int
    at: int
    what: str
    sku: str
    quantity: int
    way: str
    behind: int
    now_ms: int

    def prepare(self, instance: Instance) -> None:
        instance.now_ms = self.now_ms
        instance.way.majority, instance.way.deaf = self.way in {"well", "deaf"}, self.way == "deaf"
        instance.way.replica, instance.way.behind = self.way != "alone", self.behind


@dataclass
class Session:
    """Sends back the version that she saw last, unless she is `forgetful`."""

    forgetful: bool = False
    version: int = 0
    seen: Cart = field(default_factory=Cart)

    async def act(self, instance: Instance, step: Step) -> None:
        at_least = 0 if self.forgetful else self.version
        with suppress(Unavailable):
            match step.what:
                case "read":
                    found = await instance.read(at_least)
                case "clear":
                    found = await instance.carts.clear(WHOSE, at_least)
                case _:
                    found = await instance.put(step.sku, step.quantity, at_least)
            self.look(found.cart)

    def look(self, cart: Cart) -> None:
        """Nothing that she has seen is missing; what is shown instead was meant later."""
        if not self.forgetful:
            assert merge(cart, self.seen).items == cart.items
            assert cart.version >= self.version
        self.version, self.seen = cart.version, cart


steps = st.builds(
    Step,
    who=st.integers(0, 1),
    at=st.integers(0, 1),
    what=st.sampled_from(["put", "put", "put", "read", "read", "read", "clear", "flush"]),
    sku=st.sampled_from([LAMP, CHAIR]),
    quantity=st.integers(0, 3),
    way=st.sampled_from(["well", "well", "well", "deaf", "replica", "alone"]),
    behind=st.integers(0, 3),
    now_ms=st.integers(1, 20),
)


async def live(lived: list[Step]) -> None:
    store, sessions = Store(), [Session(), Session(forgetful=True)]
    instances = [Instance(store, number) for number in (1, 2)]
    for step in lived:
        instance = instances[step.at]
        step.prepare(instance)
        if step.what == "flush":
            await instance.flush()
        else:
            await sessions[step.who].act(instance, step)
    for instance in instances:
        instance.way.majority, instance.way.deaf = True, False
        await instance.flush()
    for instance in instances:
        for session in sessions:
            session.look((await instance.read(session.version)).cart)


@given(st.lists(steps, max_size=12))
def test_nobody_who_sends_back_what_she_saw_is_ever_shown_less_and_in_the_end_all_is_known_everywhere(
    lived: list[Step],
) -> None:
    asyncio.run(live(lived))
