"""Which edges a journey can have to do with."""

from __future__ import annotations

from harness.checkers.reach import reached


def test_calls_are_followed_from_the_entry() -> None:
    assert reached(["b->c", "a->b", "x->y"], "a", ()) == {"a->b", "b->c"}


def test_an_event_leads_on_through_a_store_that_was_reached() -> None:
    edges = ["a->b", "b->bus", "mails->bus", "mails->postgres", "other->postgres"]

    assert reached(edges, "a", {"bus"}) == {"a->b", "b->bus", "mails->bus", "mails->postgres"}


def test_a_store_that_nobody_reached_leads_nowhere() -> None:
    assert reached(["a->b", "cart->store"], "a", {"store"}) == {"a->b"}


def test_who_calls_the_same_service_is_not_reached_by_that() -> None:
    assert reached(["a->b", "c->b"], "a", ()) == {"a->b"}
