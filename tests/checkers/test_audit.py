"""The audit: each trait with a system that it must name, one that it must not, and one of which nobody can tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from zlib import crc32

import pytest

from harness.checkers.audit import audit
from harness.checkers.call_graph import circles, graph_of, knots, longest, shortest
from harness.model.audit import Answer, AuditEvidence, Past, Seen, Told, Trait, Visited
from harness.model.quantity import Duration
from harness.model.span import Span, SpanKind
from harness.model.system import Edge, Journey, Need, Run, Service, Store, StoreKind, System
from harness.model.topology import Topology
from tests.checkers.spans import Telling


def system(
    *edges: str, deadlines: Mapping[str, str] | None = None, stores: Mapping[str, Store] | None = None
) -> Topology:
    """Of edges `a->b` (hard) or `a~>b` (soft); the first end is the entry."""
    told = deadlines or {}
    found = []
    for text in edges:
        need = Need.SOFT if "~>" in text else Need.HARD
        consumer, _, provider = text.replace("~>", "->").partition("->")
        name = f"{consumer}->{provider}"
        deadline = Duration.parse(told[name]) if name in told else None
        found.append(Edge(consumer=consumer, provider=provider, need=need, deadline=deadline))
    ends = dict.fromkeys(end for edge in found for end in (edge.consumer, edge.provider))
    known = dict(stores or {})
    services = {name: Service(owner=f"team-{name}", run=Run(command=("true",))) for name in ends if name not in known}
    journeys = {"look": Journey(deadline=Duration(2))}
    whole = System(
        system="it", entry=next(iter(ends)), services=services, stores=known, edges=tuple(found), journeys=journeys
    )
    return Topology(system=whole, root=".", start_order=())


def spans(*chains: str, kind: str = "GET /", times: int = 1, failed: bool = False) -> tuple[Span, ...]:
    """Of requests that cross `a b c` one behind the other, and `a x` besides: each text is one way from the entry."""
    found: list[Span] = []
    for number in range(times):
        telling = Telling(trace=f"{crc32(repr((chains, kind)).encode()):024x}{number:08x}")
        known: dict[tuple[str, ...], str] = {}
        for chain in chains:
            names = tuple(chain.split())
            for depth, name in enumerate(names):
                way = names[: depth + 1]
                if way in known:
                    continue
                start, end = 10.0 * depth, 1000.0 - 10 * depth
                if depth == 0:
                    known[way] = telling.told(
                        name, SpanKind.SERVER, start, end, parent="e500000000000001", name=kind,
                        attributes={"http.response.status_code": "500" if failed else "200"},
                    )  # fmt: skip
                else:
                    asked = telling.asked(names[depth - 1], name, start, end, parent=known[way[:-1]])
                    known[way] = telling.served(name, start + 1, end - 1, parent=asked)
        found += telling.spans
    return tuple(found)


def told(
    topology: Topology, trait: Trait, *, seen: Seen | None = None, told_by: Iterable[Span] = (), ran: bool = True
) -> Told:
    watched = seen or Seen(watched=True)
    evidence = AuditEvidence(topology=topology, seen=watched, spans=tuple(told_by), source="run" if ran else "")
    (found,) = [each for each in audit(evidence) if each.trait is trait]
    return found


def subjects(found: Told) -> list[str]:
    return [each.subject for each in found.signs]


WATCHED = Seen(watched=True)
CHAIN = system("a->b", "b->c", "c->d", "d->e")


def test_each_trait_is_answered_once_and_unknown_when_nothing_was_run() -> None:
    answers = audit(AuditEvidence(topology=system("a->b")))
    assert [each.trait for each in answers] == [*Trait]
    assert {each.answer for each in answers} == {Answer.UNKNOWN}
    assert all("nothing was run" in each.lacking[0] for each in answers)


def test_an_edge_that_nobody_declared_is_named_by_spans_and_by_sockets() -> None:
    topology = system("a->b", "a->c")
    by_spans = told(topology, Trait.UNDECLARED, told_by=spans("a b c"))
    assert (by_spans.answer, subjects(by_spans)) == (Answer.FOUND, ["b->c"])
    assert by_spans.signs[0].owners == ("team-b",)
    assert by_spans.signs[0].evidence == ("spans: 1 calls in 1 traces, 0 of them failed",)
    past = (
        Past(consumer="c", provider="b", address="127.0.0.1:7", count=3),
        Past(consumer="b", provider="", address="10.0.0.1:5432", program="postgres"),
    )
    by_sockets = told(topology, Trait.UNDECLARED, seen=Seen(watched=True, past=past))
    assert subjects(by_sockets) == ["c->b", "b->10.0.0.1:5432"]
    assert by_sockets.signs[0].evidence == ("3 connections to 127.0.0.1:7",)
    assert "10.0.0.1:5432 (postgres), which is no part" in by_sockets.signs[1].reason


def test_where_all_that_was_seen_is_declared_nothing_is_undeclared() -> None:
    topology = system("a->b", "b->c")
    assert told(topology, Trait.UNDECLARED, told_by=spans("a b c")).answer is Answer.NONE


@pytest.mark.parametrize(
    ("seen", "lacking"),
    [
        (Seen(), "nobody's sockets were looked at"),
        (Seen(watched=True, ownerless=("b-1",)), "nobody knows who connected to b-1"),
        (Seen(watched=True), "2 services send no spans (a, b): `harness learn` holds each instance"),
        (Seen(watched=True, blind=("b-1",)), "the sockets of b-1 can't be seen"),
        (
            Seen(watched=True, visits=(Visited(journey="look", failed="500"),)),
            "1 visits of look failed (500): what they",
        ),
        (Seen(watched=True, past=(Past(consumer="a", provider="b", address="x:1"),)), "a went past its proxy to b"),
    ],
)
def test_what_could_not_be_looked_at_makes_it_unknown(seen: Seen, lacking: str) -> None:
    found = told(system("a->b"), Trait.UNDECLARED, seen=seen)
    assert found.answer is Answer.UNKNOWN
    assert lacking in found.lacking[0]


def test_a_store_that_several_use_is_named() -> None:
    topology = system("a->b", "a->db", "b->db", stores={"db": Store(kind=StoreKind.REDIS)})
    found = told(topology, Trait.SHARED_STORE)
    assert subjects(found) == ["db"]
    assert found.signs[0].reason == "a and b use it, and none has a part of its own"
    assert (found.signs[0].owners, found.signs[0].basis) == (("platform", "team-a", "team-b"), "declared")


def test_a_database_that_several_use_is_named_though_each_has_one_of_its_own() -> None:
    topology = system("a->b", "a->db", "b->db", stores={"db": Store(kind=StoreKind.POSTGRES, databases=("a", "b"))})

    def using(*databases: str) -> tuple[Span, ...]:
        telling = Telling()
        for service, database in zip("ab", databases, strict=True):
            root = telling.served(service, 0, 100)
            attributes = {"db.system": "postgresql", "db.namespace": database}
            telling.told(service, SpanKind.CLIENT, 5, 9, parent=root, attributes=attributes)
        return tuple(telling.spans)

    assert subjects(told(topology, Trait.SHARED_STORE, told_by=using("a", "a"))) == ["db/a"]
    assert told(topology, Trait.SHARED_STORE, told_by=using("a", "b")).answer is Answer.NONE
    unknown = told(topology, Trait.SHARED_STORE)
    assert (unknown.answer, unknown.lacking) == (
        Answer.UNKNOWN, ("no span says which database of db a service uses",)
    )  # fmt: skip


def test_a_store_of_ones_own_and_a_broker_are_not_shared() -> None:
    stores = {"db": Store(kind=StoreKind.REDIS), "bus": Store(kind=StoreKind.NATS)}
    topology = system("a->b", "a->db", "a->bus", "b->bus", stores=stores)
    assert told(topology, Trait.SHARED_STORE).answer is Answer.NONE


def test_a_circle_is_named_and_whether_a_request_went_round() -> None:
    topology = system("a->b", "b->c", "c->b")
    found = told(topology, Trait.CYCLE)
    assert subjects(found) == ["b -> c -> b"]
    assert found.signs[0].owners == ("team-b", "team-c")
    assert found.signs[0].evidence == (
        "1 circles: b -> c -> b",
        "without b no circle is left",
        "without c no circle is left",
        "no request was seen to go round: each leg may be of requests of its own",
    )
    went = told(topology, Trait.CYCLE, told_by=spans("a b c b"))
    assert went.signs[0].evidence[-1].startswith("one request went round: a -> b -> c -> b, trace ")


def test_a_circle_that_only_an_undeclared_edge_closes_is_named() -> None:
    found = told(system("a->b", "b->c"), Trait.CYCLE, told_by=spans("a b c a"))
    assert subjects(found) == ["a -> b -> c -> a"]
    assert (found.signs[0].basis, found.signs[0].evidence[1]) == ("seen", "seen, and not declared: c->a")


def test_circles_that_hang_together_are_one_sign_and_what_holds_them_together_is_named() -> None:
    topology = system("a->b", "a->c", "b->r", "c->r", "r->b", "r->c", "r->a")
    (sign,) = told(topology, Trait.CYCLE).signs
    assert (sign.subject, sign.reason.startswith("4 services call each other")) == ("a, b, c, r", True)
    assert sign.evidence[0].startswith("4 circles: b -> r -> b; c -> r -> c; a -> b -> r -> a")
    assert sign.evidence[1] == "without r no circle is left"


def test_without_a_way_back_there_is_no_circle() -> None:
    assert told(system("a->b", "a->c", "b->c"), Trait.CYCLE).answer is Answer.NONE


def test_a_deep_chain_is_named_with_its_request() -> None:
    found = told(CHAIN, Trait.DEPTH, told_by=spans("a b c d e"))
    assert subjects(found) == ["a -> b -> c -> d -> e"]
    assert found.signs[0].reason.startswith("4 calls one behind the other")
    assert found.signs[0].evidence[0].startswith("trace ")


def test_a_chain_that_could_be_deep_and_is_not_is_not_named() -> None:
    found = told(CHAIN, Trait.DEPTH, told_by=(*spans("a b c d"), *spans("a d e", kind="GET /other")))
    assert found.answer is Answer.NONE
    assert found.looked_at.startswith("the longest that was seen is a -> b -> c -> d (3 calls)")


def test_without_spans_what_was_counted_bounds_the_chain() -> None:
    def visited(*edges: str) -> Seen:
        return Seen(watched=True, visits=(Visited(journey="look", crossed=dict.fromkeys(edges, 1)),))

    short = told(CHAIN, Trait.DEPTH, seen=visited("a->b", "b->c", "c->d"))
    assert (short.answer, short.looked_at) == (
        Answer.NONE, "no chain can be longer than a -> b -> c -> d (3 calls, in look)"
    )  # fmt: skip
    long = told(CHAIN, Trait.DEPTH, seen=visited("a->b", "b->c", "c->d", "d->e"))
    assert long.answer is Answer.UNKNOWN
    assert "nobody tells whether one request goes there: no service sends spans" in long.lacking[0]


def test_a_deep_chain_is_told_of_a_description_too() -> None:
    found = told(CHAIN, Trait.DEPTH, ran=False)
    assert (subjects(found), found.signs[0].basis) == (["a -> b -> c -> d -> e"], "declared")


PAIRED = system("a->b", "a->c", "a->d", "b->e")


def test_calls_that_never_come_alone_are_named_with_the_kinds_of_requests() -> None:
    seen = (*spans("a b", "a c", kind="GET /x", times=3), *spans("a b", "a c", "a d", kind="GET /y", times=3))
    found = told(PAIRED, Trait.PAIR, told_by=seen)
    assert subjects(found) == ["a->b + a->c"]
    assert found.signs[0].reason == "always crossed together and equally often, by 6 requests of 2 kinds"
    assert found.signs[0].evidence[0] == "kinds: GET /x, GET /y"
    assert found.signs[0].owners == ("team-a", "team-b", "team-c")


def test_calls_that_come_apart_even_once_are_no_pair() -> None:
    seen = (*spans("a b", "a c", kind="GET /x", times=5), *spans("a b", kind="GET /y", times=1))
    assert told(PAIRED, Trait.PAIR, told_by=seen).answer is Answer.NONE


def test_what_one_kind_of_request_needs_is_no_pair_yet() -> None:
    found = told(PAIRED, Trait.PAIR, told_by=spans("a b", "a c", times=9))
    assert (found.answer, found.lacking) == (
        Answer.UNKNOWN, ("a->b and a->c: by too few requests, or of one kind only",)
    )  # fmt: skip


def test_without_spans_pairs_are_told_by_what_visits_crossed() -> None:
    def visits(journey: str, **crossed: int) -> list[Visited]:
        return [Visited(journey=journey, crossed={f"a->{name}": count for name, count in crossed.items()})] * 3

    together = Seen(watched=True, visits=(*visits("x", b=2, c=2), *visits("y", b=1, c=1, d=1)))
    assert subjects(told(PAIRED, Trait.PAIR, seen=together)) == ["a->b + a->c"]
    apart = Seen(watched=True, visits=(*visits("x", b=2, c=1), *visits("y", b=1, c=1, d=2)))
    assert told(PAIRED, Trait.PAIR, seen=apart).answer is Answer.NONE
    assert told(PAIRED, Trait.PAIR).answer is Answer.UNKNOWN
    few = told(PAIRED, Trait.PAIR, seen=Seen(watched=True, visits=tuple(visits("x", b=2))))
    assert (few.answer, few.lacking[0]) == (Answer.UNKNOWN, "3 requests are too few; 5 are needed: --visits")


def test_what_most_of_the_others_need_is_named() -> None:
    found = told(system("a->b", "a->c", "a->x", "b->x", "c~>x"), Trait.FAN_IN)
    assert subjects(found) == ["x"]
    assert found.signs[0].reason == "3 of 3 services need it directly, and 2 of them can't do without"
    assert (found.signs[0].owners, found.signs[0].evidence) == (("team-x",), ("used by a, b, c",))


def test_what_few_of_many_need_is_not_everybodys() -> None:
    edges = ["a->b", "a->c", "a->d", "a->e", "a->f", "a->g", "b->x", "c->x", "d->x"]
    found = told(system(*edges), Trait.FAN_IN)
    assert (found.answer, found.looked_at) == (Answer.NONE, "x has most, 3 consumers")


def test_a_deadline_that_grows_on_the_way_down_is_named() -> None:
    topology = system("a->b", "b->c", deadlines={"a->b": "1s", "b->c": "2s"})
    found = told(topology, Trait.TIMEOUT)
    assert subjects(found) == ["b"]
    assert found.signs[0].reason == "it waits up to 1 s longer than the one who waits for it"
    assert (found.signs[0].owners, found.signs[0].basis) == (("team-b",), "declared")
    assert told(topology, Trait.TIMEOUT, told_by=spans("a b c")).signs[0].basis == "seen"
    never_one_within_the_other = (*spans("a b", kind="GET /x"), *spans("a b d", kind="GET /y"))
    assert told(topology, Trait.TIMEOUT, told_by=never_one_within_the_other).answer is Answer.UNKNOWN


def test_a_customer_who_waits_less_than_the_entry_is_told_and_a_broker_is_not_waited_for() -> None:
    topology = system(
        "a->b", "b->bus", deadlines={"a->b": "3s", "b->bus": "9s"}, stores={"bus": Store(kind=StoreKind.NATS)}
    )
    journeys = {"look": Journey(deadline=Duration(2), needs=("b",))}
    topology = Topology(system=topology.system.model_copy(update={"journeys": journeys}), root=".", start_order=())
    (sign,) = told(topology, Trait.TIMEOUT).signs
    assert sign.subject == "a"
    assert sign.evidence == ("a waits 3 s for b, and customers of look only 2 s for a (as declared)",)


def _given_up(inner_ms: float) -> tuple[Span, ...]:
    telling = Telling()
    root = telling.served("a", 0, 1100)
    served = telling.served(
        "b", 10, inner_ms + 10, parent=telling.asked("a", "b", 0, 1000, parent=root, error="timeout")
    )
    telling.asked("b", "c", 20, inner_ms, parent=served, error="timeout")
    return tuple(telling.spans)


def test_one_who_went_on_when_nobody_waited_any_more_is_named_with_by_how_much() -> None:
    found = told(system("a->b", "b->c"), Trait.TIMEOUT, told_by=_given_up(3000))
    assert subjects(found) == ["a -> b -> c"]
    assert found.signs[0].evidence[0].endswith("a gave up on b after 1000 ms; b waited 2000 ms longer for c")


def test_one_who_gave_up_first_is_not_named_and_one_who_was_never_tried_is_unknown() -> None:
    topology = system("a->b", "b->c", deadlines={"a->b": "1s", "b->c": "900ms"})
    assert told(topology, Trait.TIMEOUT, told_by=_given_up(900)).answer is Answer.NONE
    untried = told(topology, Trait.TIMEOUT)
    assert untried.answer is Answer.UNKNOWN
    assert "nobody was seen to give up on a->b" in untried.lacking[0]
    assert "no deadline is declared of a->b" in told(system("a->b", "b->c"), Trait.TIMEOUT).lacking[0]


def test_ways_through_a_graph() -> None:
    graph = graph_of([("a", "b"), ("b", "c"), ("c", "a"), ("b", "d"), ("x", "x")])
    assert knots(graph) == (frozenset("abc"), frozenset("x"))
    assert circles(graph) == (("x", "x"), ("a", "b", "c", "a"))
    assert longest(graph, "a") in {("a", "b", "c"), ("a", "b", "d")}
    assert shortest(graph, "d", "a") == ()
    assert shortest(graph, "a", "d") == ("a", "b", "d")
