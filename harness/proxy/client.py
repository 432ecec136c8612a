"""toxiproxy-python's classes, extended by what they lack.

A server of their own instead of a global one, a deadline on every request, PATCH (Toxiproxy 2.6+), a 5xx as an
error and not as `False`, and attributes that are validated before they are sent. All of it blocks: call it by
`asyncio.to_thread`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import requests
from toxiproxy.api import APIConsumer
from toxiproxy.proxy import Proxy
from toxiproxy.server import Toxiproxy
from toxiproxy.toxic import Toxic

from harness.errors import ProxyError
from harness.proxy.toxics import ToxicSpec, toxic_spec

REQUEST_WITHIN_S = 2.0
HEADERS = {"Connection": "close"}


class NotThereError(ProxyError):
    """The proxy or toxic that was named is not there."""


class Api(APIConsumer):  # type: ignore[misc]  # the library is untyped
    """One server's HTTP API."""

    def __init__(self, port: int, *, host: str = "127.0.0.1", within_s: float = REQUEST_WITHIN_S) -> None:
        self.host = host
        self.port = port
        self.within_s = within_s

    def call(self, method: str, path: str, body: object = None, *, within_s: float | None = None) -> requests.Response:
        """Send one request.

        Raises:
            NotThereError: on 404.
            ProxyError: when no answer comes within the deadline, or it is no success.
        """
        url = f"http://{self.host}:{self.port}{path}"
        deadline = self.within_s if within_s is None else within_s
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.request(method, url, json=body, timeout=deadline, headers=HEADERS)
        except requests.RequestException as error:
            raise ProxyError(f"Toxiproxy did not answer {method} {url} within {deadline:g} s: {error}") from error
        if answer.status_code == HTTPStatus.NOT_FOUND:
            raise NotThereError(f"Toxiproxy knows nothing of {path}: {answer.text.strip()}")
        if not answer.ok:
            raise ProxyError(f"Toxiproxy refused {method} {path} with {answer.status_code}: {answer.text.strip()}")
        return answer

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Send one request; gives the JSON of the answer.

        Raises:
            ProxyError: as `call`, and when the answer is none: a server that is killed may end within it.
        """
        answer = self.call(method, path, body)
        try:
            return answer.json()
        except ValueError as error:
            raise ProxyError(f"expected JSON from Toxiproxy for {method} {path}, found {answer.text[:80]!r}") from error

    def get(self, url: str, params: object = None, **_options: object) -> requests.Response:
        """See the library; parameters are none of Toxiproxy's."""
        if params is not None:
            raise ProxyError(f"expected no parameters for GET {url}, found {params!r}: Toxiproxy takes none")
        return self.call("GET", url)

    def post(self, url: str, data: object = None, json: object = None, **_options: object) -> requests.Response:
        """See the library."""
        return self.call("POST", url, data if json is None else json)

    def patch(self, url: str, json: object) -> requests.Response:
        """Change something that is there."""
        return self.call("PATCH", url, json)

    def delete(self, url: str, **_options: object) -> requests.Response:
        """See the library."""
        return self.call("DELETE", url)


class ReadToxic(Toxic):  # type: ignore[misc]  # the library is untyped
    """A toxic as the server has it."""

    @property
    def spec(self) -> ToxicSpec:
        """The same, validated."""
        return toxic_spec(
            name=self.name, kind=self.type, stream=self.stream, attributes=self.attributes, toxicity=self.toxicity
        )


class ListenerProxy(Proxy):  # type: ignore[misc]  # the library is untyped
    """One listener of one server."""

    def __init__(self, api: Api, *, name: str, upstream: str, enabled: bool, listen: str, **_rest: object) -> None:
        super().__init__(name=name, upstream=upstream, enabled=enabled, listen=listen)
        self._api = api
        self._path = proxy_path(name)

    def toxics(self) -> dict[str, ReadToxic]:
        """All toxics that are on, by name."""
        found = self._api.ask("GET", f"{self._path}/toxics")
        return {toxic["name"]: ReadToxic(**toxic, proxy=self.name) for toxic in found}

    def add_toxic(self, **kwargs: Any) -> None:
        """See the library: `type`, and optionally `name`, `stream`, `toxicity`, `attributes`."""
        stream = kwargs.get("stream", "downstream")
        self.add(
            toxic_spec(
                name=kwargs.get("name", f"{kwargs['type']}_{stream}"),
                kind=kwargs["type"],
                stream=stream,
                attributes=kwargs.get("attributes", {}),
                toxicity=kwargs.get("toxicity", 1.0),
            )
        )

    def add(self, toxic: ToxicSpec) -> None:
        """Put a toxic on."""
        self._api.post(f"{self._path}/toxics", json=_toxic_body(toxic))

    def update(self, toxic: ToxicSpec) -> None:
        """Change the attributes of a toxic that is on."""
        self._api.patch(f"{self._path}/toxics/{quote(toxic.name, safe='')}", json=_toxic_body(toxic))

    def destroy_toxic(self, toxic_name: str) -> bool:
        """Take a toxic off; False when it was not on."""
        return self.remove(toxic_name, within_s=self._api.within_s)

    def remove(self, toxic_name: str, *, within_s: float) -> bool:
        """Take a toxic off within a deadline: under load Toxiproxy may stall here; False when it was not on."""
        try:
            self._api.call("DELETE", f"{self._path}/toxics/{quote(toxic_name, safe='')}", within_s=within_s)
        except NotThereError:
            return False
        return True

    def destroy(self) -> bool:
        """Remove the listener; False when it was not there."""
        try:
            self._api.delete(self._path)
        except NotThereError:
            return False
        return True

    def disable(self) -> None:
        """Stop listening and close all connections."""
        self.set_enabled(enabled=False)

    def enable(self) -> None:
        """Listen again."""
        self.set_enabled(enabled=True)

    def set_enabled(self, *, enabled: bool) -> None:
        """Listen or don't."""
        answer = self._api.ask("PATCH", self._path, {"enabled": enabled})
        if answer["enabled"] is not enabled:
            raise ProxyError(f"expected {self.name} to be {_worded(enabled=enabled)}, found the opposite read back")
        self.enabled = enabled

    @contextmanager
    def down(self) -> Iterator[ListenerProxy]:
        """Disabled within the context; unlike the library's it lets the body's own exception through."""
        self.disable()
        try:
            yield self
        except BaseException as error:
            try:
                self.enable()
            except ProxyError as second:
                error.add_note(f"and {self.name} could not be enabled again: {second}")
            raise
        self.enable()


class ToxiproxyClient(Toxiproxy):  # type: ignore[misc]  # the library is untyped
    """One server and its listeners."""

    def __init__(self, port: int, *, host: str = "127.0.0.1", within_s: float = REQUEST_WITHIN_S) -> None:
        self.api = Api(port, host=host, within_s=within_s)

    def proxies(self) -> dict[str, ListenerProxy]:
        """All listeners by name. It hangs while the server does, which makes it the sign of life."""
        found = self.api.ask("GET", "/proxies")
        return {name: ListenerProxy(self.api, **values) for name, values in found.items()}

    def listener(self, name: str) -> ListenerProxy:
        """One listener; raises NotThereError."""
        return ListenerProxy(self.api, **self.api.ask("GET", proxy_path(name)))

    def known(self, name: str) -> ListenerProxy:
        """One listener that is known to be there: it is not asked for, since each question costs a fault time."""
        return ListenerProxy(self.api, name=name, upstream="", enabled=True, listen="")

    def running(self) -> bool:
        """Whether the API answers."""
        try:
            self.api.get("/version")
        except ProxyError:
            return False
        return True

    def version(self) -> str:
        """What the server says of itself; a binary of `go install` says `git`."""
        return str(self.api.ask("GET", "/version")["version"])

    def reset(self) -> bool:
        """Enable all listeners and take all toxics off."""
        self.api.post("/reset")
        return True

    def create(
        self,
        upstream: str,
        name: str,
        listen: str | None = None,
        enabled: bool | None = None,  # noqa: FBT001 -- the library's signature
    ) -> ListenerProxy:
        """Add a listener."""
        body = {
            "name": name,
            "upstream": upstream,
            "listen": listen or "127.0.0.1:0",
            "enabled": enabled is not False,
        }
        return ListenerProxy(self.api, **self.api.ask("POST", "/proxies", body))

    def populate(self, proxies: list[Mapping[str, object]]) -> list[ListenerProxy]:
        """Refused: Toxiproxy keeps old toxics, and the library sends nothing for an empty list."""
        raise ProxyError(f"expected create() for each of {len(proxies)} proxies, found populate(): it keeps old toxics")

    def update_api_consumer(self, host: str, port: int) -> None:
        """This client's server only, not everybody's."""
        self.api = Api(port, host=host, within_s=self.api.within_s)


def proxy_path(name: str) -> str:
    """The path of a listener in the API."""
    return f"/proxies/{quote(name, safe='')}"


def _toxic_body(toxic: ToxicSpec) -> dict[str, object]:
    return {
        "name": toxic.name,
        "type": toxic.type,
        "stream": toxic.stream,
        "toxicity": toxic.toxicity,
        "attributes": toxic.attributes.model_dump(),
    }


def _worded(*, enabled: bool) -> str:
    return "enabled" if enabled else "disabled"
