"""The images of a project: built, pulled, or told to be missing, before anything is started."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import docker
from docker.errors import APIError, ImageNotFound, NullResource
from pydantic import JsonValue

from harness.declare.starting.compose_file import Project
from harness.errors import Place, ProvisionError
from harness.runtime.docker.engine import explained

Services = Mapping[str, dict[str, JsonValue]]


class Images:
    """All images that a run needs.

    Args:
        api: the engine.
        project: the project, for the places of what is wrong.
        services: those that are to run, as compose resolves them.
        prefix: of the names of those that are built here; they are kept for the next run.
        say: told what is pulled.
    """

    def __init__(
        self, api: docker.APIClient, project: Project, services: Services, *, prefix: str, say: Callable[[str], None]
    ) -> None:
        self._api = api
        self._project = project
        self._services = services
        self._say = say
        self.built = {name: f"{prefix}-{name.lower()}:compose" for name, each in services.items() if "build" in each}
        """The tag of each that the project builds."""

    def to_build(self) -> dict[str, JsonValue]:
        """The services for `compose build`, under tags of our own: those of the project stay what they are."""
        return {name: {"build": self._services[name]["build"], "image": tag} for name, tag in self.built.items()}

    def pull(self) -> None:
        """Pull what is not here; raises ProvisionError, with the place in the project, when that fails."""
        by_image = {str(each.get("image", "")): name for name, each in self._services.items() if name not in self.built}
        for image, name in by_image.items():
            if not self._is_here(image):
                self._say(f"pulling {image}")
                self._pull(image, name)

    def exposed(self, service: str) -> int | None:
        """The first port that the image of a service says it listens on."""
        image = self.built.get(service) or str(self._services.get(service, {}).get("image", ""))
        try:
            config = self._api.inspect_image(image)["Config"]  # type: ignore[no-untyped-call]  # the stubs lack its types
        except (APIError, NullResource):
            return None
        ports = sorted(int(port.partition("/")[0]) for port in config.get("ExposedPorts") or {} if "udp" not in port)
        return ports[0] if ports else None

    def _is_here(self, image: str) -> bool:
        with explained(f"looking for the image {image}"):
            try:
                self._api.inspect_image(image)  # type: ignore[no-untyped-call]  # the stubs lack its types
            except ImageNotFound:
                return False
        return True

    def _pull(self, image: str, name: str) -> None:
        whole = image if ":" in image.rpartition("/")[2] or "@" in image else f"{image}:latest"
        try:
            self._api.pull(whole)
        except APIError as error:
            section = self._project.services.get(name, {})
            place = section["image"].place if "image" in section else Place(file=str(self._project.file))
            why = next(iter(str(error.explanation).splitlines()), "no reason was given")
            message = f"{place}: the image {image} of '{name}' is not here, and can't be pulled ({why})"
            raise ProvisionError(f"{message}; load it with `docker load`, or build it") from error
