"""The text of a first `system.yaml`, with comments that explain it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from harness.declare.starting.draft import Draft, DraftEdge, DraftService, DraftStore
from harness.declare.starting.scalars import comment, listed, mapping, scalar
from harness.errors import Problem
from harness.model.system import Need, RuntimeKind

DEADLINE = "2 s"
"""Of a journey, until somebody says how long a customer may wait."""
WIDTH = 110

_RUNTIMES = {
    RuntimeKind.PROCESS: "the harness starts each service as a process, and tells it where the others are",
    RuntimeKind.NAMESPACES: "as processes, each in a network namespace: addresses in its code may stay",
    RuntimeKind.COMPOSE: "the containers of the compose file, which stays as it is",
    RuntimeKind.ATTACH: "it runs already; the harness starts and stops nothing",
}


def description(draft: Draft) -> str:
    """The whole file."""
    parts = [_head(draft), *_top(draft), _services(draft), _stores(draft), _edges(draft), _journeys(draft)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(draft: Draft) -> str:
    said = (
        f"Written by `harness init` from {draft.source}: a beginning. A guess says that it is one: mend it.\n"
        "Durations carry their unit (250 ms, 2 s). Paths are relative to this file. All keys: docs/system.md."
    )
    if not draft.remarks:
        return comment(said)
    told = "\n".join(f"- {_told(remark)}" for remark in draft.remarks)
    return comment(f"{said}\n\nNot taken over as it stands:\n{told}")


def _told(remark: Problem) -> str:
    place, _, text = str(remark).partition(": ")
    return f"{place.rpartition('/')[2]}: {text}"


def _top(draft: Draft) -> Iterator[str]:
    lines = [
        f"system: {draft.system}",
        f"entry: {draft.entry.value}   # the service that customers talk to: {draft.entry.why}",
    ]
    lines.append(f"runtime: {draft.runtime.value}   # {_RUNTIMES[draft.runtime]}")
    if draft.compose is not None:
        lines.append(f"compose: {scalar(draft.compose)}")
    yield "\n".join(lines)
    if draft.environment is not None:
        yield (
            f"environment: {draft.environment.value}   # {draft.environment.why}\n"
            "allow: []   # of load, faults, kill, fuzz: what may be done beyond this machine"
        )
    yield (
        "content:   # where the contracts, the experiments and the journeys are\n"
        "  contracts: contracts\n  chaos: chaos\n  load: loadtests/journeys.yaml"
    )
    yield comment(
        "What marks an answer that lacks something, so that it isn't taken for a full one; either is enough:\n"
        "degraded: {header: X-Degraded, json: /degraded}"
    )


def _services(draft: Draft) -> str:
    explained = {
        RuntimeKind.COMPOSE: "Each service: who owns it, where in its container it listens, how it is seen to serve.",
        RuntimeKind.ATTACH: "Each service: who owns it, and where it is. What may kill it (kill:, start:, container:,\n"
        "pid_file:) can be said beside its addresses; proxies on its edges beside the edges.",
    }.get(
        draft.runtime,
        "Each service: who owns it, how an instance is started, what it is told.\n"
        "{port} is where it must listen, on 127.0.0.1; {edge.NAME.url} is the address of another, by the edge to it.",
    )
    return comment(explained) + "\nservices:\n" + "\n".join(_service(each) for each in draft.services)


def _service(each: DraftService) -> str:
    lines = [comment(remark, "  ") for remark in each.remarks]
    lines += [f"  {each.name}:", f"    owner: {scalar(each.owner)}   # the team that a finding is addressed to"]
    if each.compose is not None:
        lines.append(f"    compose: {scalar(each.compose)}   # its name in the compose file")
    if each.command:
        lines.append(f"    run: {{command: {listed(each.command)}}}")
    if each.addresses:
        lines.append(f"    attach: {{addresses: {listed(each.addresses)}}}")
    if each.port is not None:
        lines.append(f"    instances: [{{port: {each.port.value}}}]   # {each.port.why}")
    if each.env:
        lines.append("    env:")
        lines += [f"      {scalar(name)}: {_value(value)}" for name, value in each.env]
    lines.append(f"    ready: {scalar(each.ready.value)}   # {each.ready.why}")
    lines.append(
        f"    openapi: {scalar(each.openapi)}"
        if each.openapi is not None
        else "    # openapi: /openapi.json   # its OpenAPI document: a path on it, or a file; then it is fuzzed"
    )
    return "\n".join(lines)


def _value(text: str) -> str:
    """Of a variable: always text, whatever it looks like."""
    return scalar(text)


def _stores(draft: Draft) -> str:
    if not draft.stores:
        return ""
    return comment("Databases, caches, brokers.") + "\nstores:\n" + "\n".join(_store(each) for each in draft.stores)


def _store(each: DraftStore) -> str:
    entries = {"kind": each.kind, "owner": "nobody-yet"}
    if each.compose is not None:
        entries["compose"] = scalar(each.compose)
    if each.port is not None:
        entries["port"] = each.port.value
    if each.databases:
        entries["databases"] = listed(each.databases)
    why = f"   # the port: {each.port.why}" if each.port is not None else ""
    remarks = "".join(f"{comment(remark, '  ')}\n" for remark in each.remarks)
    return f"{remarks}  {each.name}: {mapping(entries)}{why}"


def _edges(draft: Draft) -> str:
    said = comment(
        "Who calls whom: on each edge stands a fault proxy. `hard`: without it the consumer fails, cleanly;\n"
        "`soft`: it goes on, and says so. Which is which is a guess: `harness chaos matrix` finds out.\n"
        "`harness learn --write` adds those that it sees. deadline: how long the consumer waits at most."
    )
    if not draft.edges:
        return f"{said}\nedges: []"
    return f"{said}\nedges:\n" + "\n".join(_edge(each) for each in draft.edges)


def _edge(each: DraftEdge) -> str:
    return f"  - {{from: {each.consumer}, to: {each.provider}, need: {each.need.value}}}   # {each.why}"


def _journeys(draft: Draft) -> str:
    needs, without = _reached(draft)
    said = comment(
        "What customers do; the steps are in loadtests/journeys.yaml. deadline: the longest wait for one answer.\n"
        "needs: without these it may fail, cleanly; usable_without: without these it goes on. A guess by the edges.\n"
        "A fault on anything else must leave the journey as it is."
    )
    lines = [said, "journeys:"]
    for each in draft.journeys:
        entries = {"critical": "true", "deadline": DEADLINE}
        if needs:
            entries["needs"] = listed(needs)
        if without:
            entries["usable_without"] = listed(without)
        text = f"  {each.name}: {mapping(entries)}"
        if len(text) > WIDTH:
            text = f"  {each.name}:\n" + "\n".join(f"    {key}: {_folded(value)}" for key, value in entries.items())
        lines.append(text)
    return "\n".join(lines)


def _folded(value: str) -> str:
    return "\n".join(textwrap.wrap(value, WIDTH, subsequent_indent="      ", break_on_hyphens=False))


def _reached(draft: Draft) -> tuple[list[str], list[str]]:
    """What is behind the entry by hard edges only, and what else is behind it."""
    hard = _behind(draft.entry.value, [each for each in draft.edges if each.need is Need.HARD])
    every = _behind(draft.entry.value, list(draft.edges))
    return hard, [each for each in every if each not in hard]


def _behind(start: str, edges: list[DraftEdge]) -> list[str]:
    found, queue = [start], [start]
    while queue:
        consumer = queue.pop(0)
        for edge in edges:
            if edge.consumer == consumer and edge.provider not in found:
                found.append(edge.provider)
                queue.append(edge.provider)
    return found[1:]
