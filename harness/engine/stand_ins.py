"""What takes the place of a service's providers while it is alone: stubs, and what each is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.contracts.pacts import Kind, Pact, read_pact
from harness.contracts.stubs import Stub, choose, stub_of
from harness.contracts.stubs.from_document import stub_of_document
from harness.contracts.stubs.server import Orders
from harness.declare.lone_service import LoneService
from harness.declare.validate import nearest
from harness.errors import DeclarationError, HarnessError, Place, Problem
from harness.model.system import TCP_READY, Run, Service
from harness.runtime.supervisor_client import PACKAGE_ROOT

DOCUMENT_ENDINGS = (".json", ".yaml", ".yml")
_SERVER = "harness.contracts.stubs.server"
_RUN = Run(python=f"{_SERVER}:serve", fork=True, preload=(_SERVER,), path=(PACKAGE_ROOT,))


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """A provider that is played."""

    provider: str
    owner: str
    stub: Stub
    pact: Path | None = None
    document: Path | None = None

    @property
    def made_from(self) -> str:
        """For people."""
        if self.pact is not None:
            count = len(self.stub.interactions)
            return f"{count} interaction{'s' if count > 1 else ''} of {self.pact.name}"
        if self.document is not None:
            return f"no pact: made up from {self.document.name}"
        return "nothing: no pact and no OpenAPI document, so it answers 501"

    def service(self, consumer: str, choices: Path, chosen: str, *, loose: bool) -> Service:
        """How it is started, as a service of the system that is cut out."""
        orders = Orders(
            port=0,
            consumer=consumer,
            provider=self.provider,
            pact=str(self.pact or ""),
            document=str(self.document or ""),
            choices=str(choices),
            chosen=chosen,
            loose=loose,
        )
        return Service(owner=self.owner, run=_RUN, ready=TCP_READY, env=orders.environment())


def stand_ins(lone: LoneService, *, pacts: Path, documents: Path) -> tuple[StandIn, ...]:
    """One for each provider: from the service's pact with it, else from the provider's OpenAPI document.

    Args:
        lone: the service.
        pacts: the folder of the published pacts.
        documents: the folder of OpenAPI documents, each named as its service.

    Raises:
        DeclarationError: when a pact is broken or can't be played, each at its place.
        ContractError: when a document can't be read.
    """
    known = {pact.provider: pact for pact in own_pacts(pacts, lone.name)}
    return tuple(_stand_in(lone, provider, known.get(provider), documents) for provider in lone.providers)


def something_played(lone: LoneService, made: Sequence[StandIn], *, pacts: Path, documents: Path) -> None:
    """Raise DeclarationError when there are providers, and none can be played."""
    if made and not any(each.stub.interactions for each in made):
        message = f"no pact of '{lone.name}' with any of its providers ({', '.join(lone.providers)}), and no document"
        remedy = f"write pacts (docs/contracts.md), or put their OpenAPI documents into {documents}"
        raise DeclarationError([Problem(place=Place(file=str(pacts)), message=message, remedy=remedy)])


def own_pacts(folder: Path, consumer: str) -> tuple[Pact, ...]:
    """The pacts of a consumer; a file of another's that is broken is left alone. Raises DeclarationError."""
    problems: list[Problem] = []
    found = []
    for file in sorted(folder.glob(f"{consumer}-*.json")):
        try:
            pact = read_pact(file)
        except DeclarationError as error:
            problems += error.problems
            continue
        if pact.consumer == consumer:
            found.append(pact)
    if problems:
        raise DeclarationError(problems)
    return tuple(found)


def _stand_in(lone: LoneService, provider: str, pact: Pact | None, documents: Path) -> StandIn:
    owner = lone.owner_of(provider)
    if pact is not None and any(each.kind is Kind.HTTP for each in pact.interactions):
        return StandIn(provider=provider, owner=owner, stub=stub_of(pact), pact=pact.file.resolve())
    document = _document(lone, provider, documents)
    if document is not None:
        stub = stub_of_document(document, consumer=lone.name, provider=provider)
        return StandIn(provider=provider, owner=owner, stub=stub, document=document)
    empty = Stub(consumer=lone.name, provider=provider, source="nothing", interactions=())
    return StandIn(provider=provider, owner=owner, stub=empty)


def _document(lone: LoneService, provider: str, documents: Path) -> Path | None:
    """That of the folder, or the file that the provider's own description names."""
    declared = lone.system.services.get(provider)
    named = declared.openapi if declared is not None else None
    candidates = [documents / f"{provider}{ending}" for ending in DOCUMENT_ENDINGS]
    if named is not None and not named.startswith("/"):
        candidates.append(lone.root / named)
    return next((each.resolve() for each in candidates if each.is_file()), None)


def check_chosen(made: Sequence[StandIn], chosen: Sequence[str]) -> str:
    """What somebody chose, as the lines of a file; raises HarnessError when a stub has no such state."""
    for line in chosen:
        for each in made:
            wrong = [name for name in choose(line, each.provider) if name not in each.stub.names]
            told = line.partition(":")[0].strip() == each.provider
            if wrong and told:
                raise HarnessError(f"{each.provider} has no state {wrong[0]!r}; {nearest(wrong[0], each.stub.names)}")
        if not any(name in each.stub.names for each in made for name in choose(line, each.provider)):
            names = [name for each in made for name in each.stub.names]
            raise HarnessError(f"no stub has the state {line!r}; {nearest(line, names)}")
    return "".join(f"{line}\n" for line in chosen)


def choices_text(made: Sequence[StandIn], chosen: str) -> str:
    """The file that chooses: what there is, each as a comment, and what was chosen."""
    head = "# Which state, or which interaction, each stub plays. It is read again for each request.\n"
    known = [f"# {each.provider}: {name}\n" for each in made for name in each.stub.names]
    return head + "".join(known) + chosen
