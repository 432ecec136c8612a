"""A session as the ground of a matrix, with what its entry's document promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from harness.checkers.trial import Promised
from harness.contracts.conformance import Conformance
from harness.engine.beside import Beside
from harness.engine.cell_blame import blaming
from harness.engine.documents import document_of, read_document
from harness.engine.ground import EdgeCounts, Ground, SystemViews, restart_services, take_deaths
from harness.engine.hearing import Hearing
from harness.engine.session import Session
from harness.errors import ContractError
from harness.load.visits import Visitor
from harness.model.invariant import Read
from harness.model.matrix import Cell

_SERVER_ERROR = 500


async def ground_of(
    session: Session, visitor: Visitor, *, reads: Mapping[str, Read], replay: Callable[[Cell], str]
) -> Ground:
    """All that conducting cells needs of a session."""
    ground = Ground(
        topology=session.topology,
        visitor=visitor,
        injector=session.injector,
        clock=session.clock,
        counts=EdgeCounts(session),
        views=SystemViews(session, reads),
        restart=lambda: restart_services(session),
        deaths=lambda: take_deaths(session),
        put_right=session.deployment.mesh.put_right,
        record=session.recorder.record,
        now=session.now,
        say=session.say,
        replay=replay,
        blame=blaming(session),
        hearing=lambda names: Hearing(session, [session.topology.edges[name] for name in names]),
        beside=Beside(session),
    )
    document = await _document(session)
    if document is None:
        return ground
    return replace(ground, declared=document.declared, promised=partial(_promised, document))


def _promised(document: Conformance, method: str, path: str) -> dict[int, Promised]:
    """What the document promises of errors."""
    return {
        status: Promised(headers=headers, media=media)
        for status, (headers, media) in document.promised(method, path).items()
        if status >= _SERVER_ERROR
    }


async def _document(session: Session) -> Conformance | None:
    """What the entry declares of its answers; None when it says nothing that can be read."""
    entry = session.topology.system.entry
    where = document_of(session.topology, entry, session.deployment.service_url(entry))
    if not where:
        return None
    try:
        document = await read_document(where, credentials=session.deployment.credentials)
        return Conformance(entry, document) if isinstance(document, dict) else None
    except ContractError as error:
        session.recorder.note(f"no status is taken for declared: {error}")
        return None
