"""A provider verified in its own repository: by its `service.yaml` and published pacts, the others not there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.clock import SystemClock
from harness.declare.lone_service import lone_service
from harness.engine.concluding import RunResult
from harness.engine.prepare import Options, Plan
from harness.engine.published import AS_CONSUMER, AS_PROVIDER, gather_pacts
from harness.engine.run import run
from harness.engine.sandbox import SandboxOptions, plan_sandbox
from harness.engine.session import RUNS, Say, Settings, name_run
from harness.errors import DeclarationError, DeployError, Place, Problem
from harness.model.invariant import Invariants

PUBLISHED = "published"
"""The folder of the run with the pacts that concern the service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AloneOptions:
    """What somebody asked for."""

    file: Path
    """A service.yaml, or a system.yaml with `service`."""
    service: str | None = None
    pacts: str
    """A folder, or the URL of a Pact Broker."""
    consumer: str | None = None
    directory: Path | None = None
    seed: int | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)


async def verify_alone(options: AloneOptions, *, say: Say) -> RunResult:
    """Bring the provider up with its own stores, its providers played, and verify what its consumers rely on.

    Raises:
        HarnessError: if nothing could be run at all: bad input, no pacts, or it did not come up.
    """
    lone = lone_service(options.file, options.service)
    name = name_run(SystemClock())
    directory = (options.directory or RUNS / name).resolve()
    published = directory / PUBLISHED
    try:
        await gather_pacts(options.pacts, lone, published, options.environ)
    except OSError as error:
        raise DeployError(f"the run's directory {directory} can't be made: {error.strerror}") from error
    if not await asyncio.to_thread(lambda: any((published / AS_PROVIDER).iterdir())):
        message = f"no pact has '{lone.name}' as its provider, so there is nothing to verify"
        remedy = "publish its consumers' pacts there, or name another place by --pacts"
        raise DeclarationError([Problem(place=Place(file=options.pacts), message=message, remedy=remedy)])
    plan = plan_sandbox(
        SandboxOptions(
            system=options.file,
            service=lone.name,
            directory=directory,
            run=name,
            pacts=published / AS_CONSUMER,
            unplayed=True,
        )
    )
    for each in plan.stand_ins:
        say(f"{each.provider} is played: {each.made_from}")
    return await run(
        Options(
            system=options.file,
            parts=frozenset({"verify"}),
            services=(lone.name,),
            consumer=options.consumer,
            pacts=published / AS_PROVIDER,
            settings=Settings(directory=directory, run=name, seed=options.seed),
        ),
        say=say,
        plan=Plan(topology=plan.topology, experiments=(), invariants=Invariants(), rate=0.0),
    )
