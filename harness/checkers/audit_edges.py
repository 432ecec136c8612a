"""An audit of edges: which nobody declared, which lead to one place, and what everybody needs."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from harness.checkers.audit_look import SHOWN, Look, in_a_row, sign_of, told
from harness.checkers.audit_traces import silent_of
from harness.model.audit import Sign, Told, Trait
from harness.model.system import Need, StoreKind, edge_name

EVERYBODY_LEAST = 3
EVERYBODY_SHARE = 0.5
"""Of the other services, those that need it directly."""


def undeclared(look: Look) -> Told:
    """Edges that were seen and that nobody wrote down."""
    topology, past = look.topology, look.evidence.seen.past
    spanned = {(each.consumer, each.provider): each for each in look.spanned}
    signs = []
    for ends in look.undeclared:
        proof = [
            f"{each.count} connections to {each.address}" for each in past if (each.consumer, each.provider) == ends
        ]
        if (seen := spanned.get(ends)) is not None:
            proof.append(f"spans: {seen.count} calls in {seen.traces} traces, {seen.failed} of them failed")
        reason = f"{ends[0]} calls {ends[1]}, which is not declared"
        signs.append(sign_of(Trait.UNDECLARED, edge_name(*ends), reason, topology, whose=ends[:1], evidence=proof))
    for each in past:
        if not each.provider:
            where = f"{each.address} ({each.program})" if each.program else each.address
            reason = f"{each.consumer} connects to {where}, which is no part of the system"
            proof = [f"{each.count} connections"]
            signs.append(
                sign_of(
                    Trait.UNDECLARED,
                    f"{each.consumer}->{each.address}",
                    reason,
                    topology,
                    whose=[each.consumer],
                    evidence=proof,
                )
            )
    lacking = look.lacking()
    lacking += [
        f"{each.consumer} went past its proxy to {each.provider}, {each.count} connections: not all of it was counted"
        for each in past
        if edge_name(each.consumer, each.provider) in topology.edges
    ]
    if look.evidence.ran:
        silent = silent_of(tuple(topology.system.services), look.traced)
        known = {provider for _, provider in look.undeclared}
        unknown = [name for name in look.evidence.seen.ownerless if name.rpartition("-")[0] not in known]
        lacking += [f"nobody knows who connected to {', '.join(unknown)}"] if unknown else []
        if silent:
            why = "`harness learn` holds each instance, and so sees calls too short for this"
            lacking.append(f"{len(silent)} services send no spans ({', '.join(silent[:SHOWN])}): {why}")
    return told(Trait.UNDECLARED, signs, "the sockets of all instances, and spans", lacking)


def shared_stores(look: Look) -> Told:
    """Stores, or parts of one, that are the place of several services; a broker is there to be shared."""
    topology, databases = look.topology, look.traced.databases
    users = {
        name: look.users.get(name, ())
        for name, store in topology.system.stores.items()
        if store.kind is not StoreKind.NATS
    }
    signs = [
        _shared(look, f"{store}/{part}", sorted(names)) for (store, part), names in sorted(databases.items()) if names
    ]
    signs += [_shared(look, name, names) for name, names in users.items() if not topology.store(name).divided]
    spoken_of = {store for store, _ in databases}
    lacking = look.lacking()
    lacking += [
        f"no span says which database of {name} a service uses"
        for name, names in users.items()
        if len(names) > 1 and topology.store(name).divided and name not in spoken_of and look.evidence.ran
    ]
    return told(
        Trait.SHARED_STORE, [each for each in signs if each], f"{len(users)} stores, and who uses them", lacking
    )


def _shared(look: Look, place: str, names: Sequence[str]) -> Sign | None:
    """A store, or a database within one, and its users; nothing when it is one's own."""
    if len(names) <= 1:
        return None
    store, _, database = place.partition("/")
    declared = [edge_name(name, store) in look.topology.edges for name in names]
    if database:
        reason, proof = f"{in_a_row(names)} use the same database", [f"their spans name {database} in {store}"]
    else:
        reason = f"{in_a_row(names)} use it, and none has a part of its own"
        proof = [
            f"{edge_name(name, store)}: {'declared' if known else 'seen, and not declared'}"
            for name, known in zip(names, declared, strict=True)
        ]
    basis = all(declared) and not database
    whose = (store, *names)
    return sign_of(Trait.SHARED_STORE, place, reason, look.topology, whose=whose, evidence=proof, declared=basis)


def fan_in(look: Look) -> Told:
    """What most of the others need."""
    topology = look.topology
    ranked = sorted(look.users.items(), key=lambda each: (-len(each[1]), each[0]))
    signs = []
    for provider, names in ranked:
        others = len([name for name in topology.system.services if name != provider])
        if len(names) < max(EVERYBODY_LEAST, ceil(EVERYBODY_SHARE * others)):
            continue
        edges = [topology.edges.get(edge_name(name, provider)) for name in names]
        hard = sum(edge is not None and edge.need is Need.HARD for edge in edges)
        reason = f"{len(names)} of {others} services need it directly, and {hard} of them can't do without"
        proof, whose = [f"used by {', '.join(sorted(names))}"], [provider]
        declared = all(edge is not None for edge in edges)
        signs.append(sign_of(Trait.FAN_IN, provider, reason, topology, whose=whose, evidence=proof, declared=declared))
    looked_at = f"{ranked[0][0]} has most, {len(ranked[0][1])} consumers" if ranked else "nobody calls anybody"
    return told(Trait.FAN_IN, signs, looked_at, look.lacking())
