"""All runtimes that there are. To add one, write its `deploy`, and a line here or an entry point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint
from operator import attrgetter
from typing import TYPE_CHECKING, cast

from harness.declare.offered import offered
from harness.errors import HarnessError
from harness.model.system import RuntimeKind, System

if TYPE_CHECKING:
    from harness.runtime.deployment import Deploy, Deployment


@dataclass(frozen=True, slots=True)
class Later:
    """A runtime that is imported when it is first used: each has libraries of its own."""

    module: str
    name: str

    def load(self) -> Deploy:
        """Import it."""
        found: Deploy = attrgetter(self.name)(import_module(f"harness.runtime.{self.module}"))
        return found

    async def __call__(self, *what: object, **how: object) -> Deployment:
        """See `Deploy`."""
        deploy = self.load()
        return await deploy(*what, **how)  # type: ignore[arg-type]  # as it was called, by `Deploy`


RUNTIMES: Mapping[RuntimeKind, Deploy] = {
    RuntimeKind.PROCESS: Later("process", "ProcessDeployment.deploy"),
    RuntimeKind.NAMESPACES: Later("namespaces.deployment", "deploy"),
    RuntimeKind.COMPOSE: Later("compose.deployment", "deploy"),
    RuntimeKind.ATTACH: Later("attach.deployment", "deploy"),
}

WITHOUT_TOXIPROXY = (RuntimeKind.ATTACH,)
"""Where the proxies are there already."""

GROUP = "harness.runtimes"
"""Entry points by which third parties add theirs: the name = a `Deploy`."""


def runtime_of(system: System, entries: Iterable[EntryPoint] | None = None) -> Deploy:
    """What brings a system up: that of an installed package when the description names one, as `deployed_by`.

    Raises:
        HarnessError: when there is none of that name, or it can't be loaded or called.
    """
    if system.deployed_by is None:
        return RUNTIMES[system.runtime]
    there = {each.name: each for each in offered(GROUP, entries)}
    if system.deployed_by not in there:
        known = ", ".join(sorted(there)) or "none"
        raise HarnessError(
            f"deployed_by: no runtime '{system.deployed_by}'; installed packages have {known} (entry points of {GROUP})"
        )
    found = there[system.deployed_by]
    if not callable(found.what):
        raise HarnessError(f"{found.where}: expected a function that deploys, found {found.what!r}")
    return cast("Deploy", found.what)
