"""All runtimes that there are. To add one, write its `deploy`, and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING

from harness.model.system import RuntimeKind

if TYPE_CHECKING:
    from harness.runtime.deployment import Deploy, Deployment


@dataclass(frozen=True, slots=True)
class Later:
    """A runtime that is imported when it is first used: each has libraries of its own."""

    module: str
    name: str

    async def __call__(self, *what: object, **how: object) -> Deployment:
        """See `Deploy`."""
        deploy: Deploy = attrgetter(self.name)(import_module(f"harness.runtime.{self.module}"))
        return await deploy(*what, **how)  # type: ignore[arg-type]  # as it was called, by `Deploy`


RUNTIMES: Mapping[RuntimeKind, Deploy] = {
    RuntimeKind.PROCESS: Later("process", "ProcessDeployment.deploy"),
    RuntimeKind.NAMESPACES: Later("namespaces.deployment", "deploy"),
    RuntimeKind.COMPOSE: Later("compose.deployment", "deploy"),
    RuntimeKind.ATTACH: Later("attach.deployment", "deploy"),
}

WITHOUT_TOXIPROXY = (RuntimeKind.ATTACH,)
"""Where the proxies are there already."""
