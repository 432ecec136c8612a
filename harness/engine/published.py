"""Published pacts that concern one service, from a folder or from a Pact Broker, put where a run finds them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.contracts.broker.access import access
from harness.contracts.broker.broker import Broker, Fetched, Wanted, open_broker
from harness.contracts.pacts import read_pact
from harness.declare.lone_service import LoneService
from harness.errors import ContractError, DeclarationError, Place, Problem

AS_PROVIDER, AS_CONSUMER = "as-provider", "as-consumer"
"""The folders of what others rely on from the service, and of what it relies on from others."""
MOST_PACTS = 500
_SELECTORS = ({"mainBranch": True}, {"deployedOrReleased": True})
_LATEST = ({"latest": True},)


def is_url(source: str) -> bool:
    """Whether pacts are meant that a broker has."""
    return source.startswith(("http://", "https://"))


async def gather_pacts(source: str, lone: LoneService, directory: Path, environ: Mapping[str, str]) -> None:
    """Put the pacts of a service into two folders of a directory, by its part in them.

    Args:
        source: a folder, or the URL of a Pact Broker.
        lone: the service.
        directory: where the folders go; they are made.
        environ: holds what is shown at the broker's door.

    Raises:
        DeclarationError: when the folder is none, or a pact is broken by which providers are to be played.
        BrokerError: when the broker can't be asked.
        ContractError: when there are too many.
    """
    for part in (AS_PROVIDER, AS_CONSUMER):
        (directory / part).mkdir(parents=True, exist_ok=True)
    if is_url(source):
        async with open_broker(access(source, environ)) as broker:
            await _fetch(broker, lone, directory)
    else:
        _link(Path(source), lone.name, directory)


async def _fetch(broker: Broker, lone: LoneService, directory: Path) -> None:
    _write(await _in_use(broker, lone.name), directory / AS_PROVIDER)
    for provider in dict.fromkeys(lone.providers):
        found = await _in_use(broker, provider)
        _write([each for each in found if _party(each, "consumer") == lone.name][:1], directory / AS_CONSUMER)


async def _in_use(broker: Broker, provider: str) -> tuple[Fetched, ...]:
    """The pacts of main branches and of what is deployed; where nobody says such things, the latest."""
    found = await broker.pacts_for(provider, Wanted(selectors=_SELECTORS))
    return found or await broker.pacts_for(provider, Wanted(selectors=_LATEST))


def _write(fetched: Sequence[Fetched], folder: Path) -> None:
    if len(fetched) > MOST_PACTS:
        raise ContractError(f"expected at most {MOST_PACTS} pacts, found {len(fetched)}")
    for number, each in enumerate(fetched, start=1):
        name = f"{_party(each, 'consumer')}-{_party(each, 'provider')}".replace("/", "_")
        file = folder / f"{name}.json"
        file = folder / f"{name}-{number}.json" if file.exists() else file
        file.write_text(json.dumps(each.document, ensure_ascii=False, indent=1), encoding="utf-8")


def _party(fetched: Fetched, party: str) -> str:
    found = fetched.document.get(party)
    return str(found.get("name")) if isinstance(found, dict) else ""


def _link(folder: Path, service: str, directory: Path) -> None:
    """Links, so that what is wrong with a pact is told where its lines are."""
    if not folder.is_dir():
        message = "expected a folder of pacts, or the URL of a Pact Broker"
        raise DeclarationError([Problem(place=Place(file=str(folder)), message=message, remedy="check the path")])
    for file in sorted(folder.glob("*.json")):
        for part in _parts(file, service):
            (directory / part / file.name).symlink_to(file.resolve())


def _parts(file: Path, service: str) -> Iterator[str]:
    """The service's parts in a pact; of one that can't be read, as its name says."""
    try:
        pact = read_pact(file)
        consumer, provider = pact.consumer == service, pact.provider == service
    except DeclarationError:
        consumer, provider = file.stem.startswith(f"{service}-"), file.stem.endswith(f"-{service}")
    if provider:
        yield AS_PROVIDER
    if consumer:
        yield AS_CONSUMER
