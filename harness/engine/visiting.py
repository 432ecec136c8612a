"""Who visits a session's system: by its locustfile, its steps, its recording or its OpenAPI documents."""

from __future__ import annotations

from harness.declare.journeys import Conduct, adopt, conduct_of, load_file, read_conduct
from harness.engine.customers import NOTHING_SAID, WAY_OUT, conduct_that_loads
from harness.engine.documents import document_of, read_document
from harness.engine.session import Session
from harness.errors import LoadError
from harness.load.driver import LoadDriver
from harness.load.steps import StepsPlan, StepsVisitor
from harness.load.visits import Visit, Visitor
from harness.model.marks import run_marks

TOLD_LIMIT = 10
"""Operations without an example that are told by name."""


async def open_visitor(session: Session) -> Visitor:
    """The visitor that `content.load` asks for, or, when there is no such file, the examples in OpenAPI documents.

    The caller closes it. Journeys that nobody declared are those of `session.topology` from then on.

    Raises:
        DeclarationError: if the file can't be read or says what it can't mean.
        ContractError: if the OpenAPI document of the entry can't be had.
        LoadError: if nothing says what customers do, or its process can't be had.
    """
    if load_file(session.topology) is None:
        conduct = await _from_documents(session)
        if not session.topology.system.journeys:
            session.topology = adopt(session.topology, conduct.journeys)
    else:
        conduct = conduct_that_loads(session.topology)
    if conduct.locustfile is not None:
        return LoadVisitor(await session.driver(), tuple(session.topology.system.journeys))
    journeys = session.topology.system.journeys
    plan = StepsPlan(
        journeys={name: conduct.steps[name] for name in journeys},
        hosts=session.deployment.entry_urls(),
        deadlines={name: float(journey.deadline) for name, journey in journeys.items()},
        degraded=session.topology.system.degraded,
        seed=session.seed,
        headers=run_marks(session.run),
        traced=session.run if session.topology.otlp_url else "",
        trust=session.deployment.credentials.trust(),
    )
    return StepsVisitor(plan, clock=session.clock)


async def _from_documents(session: Session) -> Conduct:
    """The examples of the entry's document; those of operations that have none are told."""
    topology, entry = session.topology, session.topology.system.entry
    conduct = read_conduct(topology)
    if not conduct.steps:
        where = document_of(topology, entry, session.deployment.service_url(entry))
        if not where:
            message = f"{NOTHING_SAID} in {topology.name}; {WAY_OUT}"
            raise LoadError(message)
        conduct = conduct_of(await read_document(where, credentials=session.credentials))
    for each in conduct.skipped[:TOLD_LIMIT]:
        session.say(f"no journey of {each}")
    if (more := len(conduct.skipped) - TOLD_LIMIT) > 0:
        session.say(f"nor of {more} further operations without examples")
    if not conduct.steps:
        first = f" (the first: {conduct.skipped[0]})" if conduct.skipped else ""
        message = f"no operation of {entry}'s OpenAPI document has an example{first}; {WAY_OUT}"
        raise LoadError(message)
    declared = topology.system.journeys
    return conduct if not declared else _declared_only(conduct, tuple(declared), entry)


def _declared_only(conduct: Conduct, declared: tuple[str, ...], entry: str) -> Conduct:
    missing = [name for name in declared if name not in conduct.steps]
    if missing:
        message = (
            f"the journey '{missing[0]}' is declared, and no operation of {entry}'s OpenAPI document is called that"
        )
        raise LoadError(f"{message} (there are {', '.join(conduct.steps)}); {WAY_OUT}")
    return conduct


class LoadVisitor:
    """Visits by a locustfile, in the load generator's process. See `harness.load.visits.Visitor`."""

    def __init__(self, driver: LoadDriver, journeys: tuple[str, ...]) -> None:
        self._driver = driver
        self._journeys = journeys

    @property
    def journeys(self) -> tuple[str, ...]:
        """The journeys that can be visited."""
        return self._journeys

    async def visit(self, journey: str, *, number: int) -> Visit:
        """Run one journey; raises LoadError when there is none, or the generator is gone."""
        return await self._driver.visit(journey, number)

    async def close(self) -> None:
        """The generator is the session's, which stops it."""
