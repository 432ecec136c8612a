"""Toxiproxy servers that are not ours: of each, one proxy is used, and what others put on it stays."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from harness.errors import DeployError, ProxyError
from harness.model.topology import LineId
from harness.proxy.client import Api, ListenerProxy, NotThereError, ReadToxic, ToxiproxyClient, proxy_path
from harness.proxy.patience import patiently
from harness.proxy.server import FOREIGN_HANGS_AFTER_S, ToxiproxyServer
from harness.proxy.signs import answers
from harness.proxy.toxics import ToxicSpec
from harness.proxy.waiting import all_of
from harness.runtime.attach.places import ProxyAt
from harness.runtime.attach.snapshot import Snapshot, put_back, recreate


class MarkedListener(ListenerProxy):
    """A proxy among whose toxics only ours are seen, by the names that the harness gave them."""

    mark: str

    def toxics(self) -> dict[str, ReadToxic]:
        """Ours."""
        found = self._api.ask("GET", f"{self._path}/toxics")
        mine = [toxic for toxic in found if toxic["name"].startswith(self.mark)]
        return {
            name: ReadToxic(**{**toxic, "name": name}, proxy=self.name)
            for toxic in mine
            if (name := toxic["name"].removeprefix(self.mark))
        }

    def add(self, toxic: ToxicSpec) -> None:
        """Put a toxic on, marked."""
        super().add(toxic.model_copy(update={"name": self.mark + toxic.name}))

    def remove(self, toxic_name: str, *, within_s: float) -> bool:
        """Take one of ours off."""
        return super().remove(self.mark + toxic_name, within_s=within_s)


class OneProxyClient(ToxiproxyClient):
    """A server of which one proxy is ours to use, whatever the line is called."""

    def __init__(self, at: ProxyAt, *, mark: str) -> None:
        super().__init__(at.api.port, host=at.api.host)
        self._at = at
        self._mark = mark

    def listener(self, name: str) -> MarkedListener:
        """The one proxy; raises NotThereError when somebody removed it."""
        del name
        found = MarkedListener(self.api, **self.api.ask("GET", proxy_path(self._at.name)))
        found.mark = self._mark
        return found

    def known(self, name: str) -> MarkedListener:
        """The same, for who removed it must be found out."""
        return self.listener(name)


class AttachedServer(ToxiproxyServer):
    """What stands for a server on one line: its one proxy is made anew where a server of ours would be restarted."""

    def __init__(self, at: ProxyAt, *, mark: str, found: Snapshot) -> None:
        self.name = str(at)
        self.client = OneProxyClient(at, mark=mark)
        self.changing = asyncio.Lock()
        self.mark = mark
        self.found = found

    async def start(self) -> None:
        """It runs already."""

    async def stop(self) -> None:
        """Take ours off; what was found stays."""
        await asyncio.to_thread(put_back, self.found, mark=self.mark)

    async def restart(self) -> None:
        """Remove the proxy and make it anew with the toxics of others; hold `changing` meanwhile."""
        await asyncio.to_thread(self._recreate)

    async def alive(self) -> bool:
        """Whether it answers a question that hangs when its proxies do."""
        api = self.client.api
        try:
            return await patiently(answers(api.host, api.port), silence_s=FOREIGN_HANGS_AFTER_S)
        except TimeoutError:
            return False

    def _recreate(self) -> None:
        api = self.client.api
        try:
            with suppress(NotThereError):
                self.found = Snapshot.of_json(
                    {**Snapshot.take(api, self.found.name).without(self.mark).as_json(), "enabled": self.found.enabled}
                )
            recreate(api, self.found.name, keep=self.found, enabled=self.found.enabled)
        except ProxyError as error:
            raise ProxyError(
                f"{self.name} could not be made anew, and its server is not ours to restart: restart it ({error})"
            ) from error


async def found_at(proxies: Mapping[LineId, ProxyAt]) -> dict[LineId, Snapshot]:
    """The proxies as they are; raises DeployError when one is not there, or its server does not answer."""
    taken = await all_of(asyncio.to_thread(_take, line, at) for line, at in proxies.items())
    return dict(zip(proxies, taken, strict=True))


def _take(line: LineId, at: ProxyAt) -> Snapshot:
    api = Api(at.api.port, host=at.api.host)
    try:
        return Snapshot.take(api, at.name)
    except NotThereError as error:
        known = ", ".join(sorted(api.ask("GET", "/proxies"))) or "none"
        raise DeployError(f"{line.edge}: no proxy '{at.name}' at http://{at.api}; there are: {known}") from error
    except ProxyError as error:
        message = f"{line.edge}: no Toxiproxy answers at http://{at.api}; start it, or correct 'api'"
        raise DeployError(message) from error
