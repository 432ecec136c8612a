"""Which versions a verification is of: as somebody says, else as the pact itself, else as the OpenAPI document does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable

from harness.contracts.pacts import Pact, read_sound_pacts
from harness.engine.documents import document_of, read_document
from harness.engine.prepare import Options
from harness.engine.session import Session
from harness.errors import HarnessError
from harness.model.events import PactsVerified, PactVersions

MAX_VERSION_CHARACTERS = 60
"""What is longer is no version that anybody could read."""

Ask = Callable[[str], Awaitable[str]]


async def tell_versions(session: Session, options: Options, providers: Collection[str]) -> None:
    """Write down of which versions the pacts with these providers were verified."""
    directory = options.pacts or session.content("contracts") / "pacts"
    found, _ = await asyncio.to_thread(read_sound_pacts, directory)
    pairs = await versions_of(
        [each for each in found if each.provider in providers and options.consumer in {None, each.consumer}],
        said=options.version,
        running=session.topology.system.services,
        beside=options.pacts is None,
        ask=lambda service: _ask(session, service),
    )
    if pairs:
        session.recorder.record(PactsVerified(t=session.now(), pairs=pairs))


async def versions_of(
    pacts: Iterable[Pact], *, said: str, running: Collection[str], beside: bool, ask: Ask
) -> tuple[PactVersions, ...]:
    """The versions of both sides of each pact, by consumer and provider.

    Args:
        pacts: those that were verified.
        said: the version of all providers, when somebody said it.
        running: the services that can be asked.
        beside: whether the pacts are those of the consumers that run here, so that these know their version.
        ask: gives the version of a running service; empty when it does not tell.
    """
    relied: dict[tuple[str, str], str] = {}
    for pact in pacts:
        pair = (pact.consumer, pact.provider)
        relied[pair] = relied.get(pair) or pact.version
    owing = {consumer for (consumer, _), version in relied.items() if beside and not version}
    owing |= {provider for _, provider in relied if not said}
    names = sorted(owing & {*running})
    told = dict(zip(names, await asyncio.gather(*(ask(name) for name in names)), strict=True))
    return tuple(
        PactVersions(
            consumer=consumer,
            provider=provider,
            consumer_version=_short(version or (told.get(consumer, "") if beside else "")),
            provider_version=_short(said or told.get(provider, "")),
        )
        for (consumer, provider), version in sorted(relied.items())
    )


async def _ask(session: Session, service: str) -> str:
    """What the OpenAPI document of a running service tells; empty when it tells nothing or can't be had."""
    try:
        where = document_of(session.topology, service, session.deployment.service_url(service))
        return version_in(await read_document(where, credentials=session.credentials)) if where else ""
    except (HarnessError, RecursionError):
        return ""  # conformance and fuzzing tell of it; here it only means that nobody knows


def version_in(document: object) -> str:
    """The version that an OpenAPI document tells of its service; empty when there is none."""
    info = document.get("info") if isinstance(document, dict) else None
    version = info.get("version") if isinstance(info, dict) else None
    # YAML reads an unquoted 1.0 as a number.
    return str(version) if isinstance(version, str | int | float) and not isinstance(version, bool) else ""


def _short(version: str) -> str:
    return version if len(version) <= MAX_VERSION_CHARACTERS else version[: MAX_VERSION_CHARACTERS - 1] + "…"
