"""The one image of a run: services, stores and the fault proxy, built from a Dockerfile without a network.

The build's context has: `wheels/` and `requirements.txt` (of the libraries that the Dockerfile's ARG LIBRARIES names),
`toxiproxy-server`, and `code/`, which is the directory of the Dockerfile, or another one that is given.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import APIError, ImageNotFound

from harness.errors import DeployError, ProvisionError
from harness.model.system import StoreKind
from harness.proxy.provision import cache_directory, find_toxiproxy
from harness.runtime.docker.engine import connect, explained
from harness.runtime.docker.wheels import requirements, wheelhouse
from harness.runtime.stores import Binary

CODE = "/srv/code"
"""Where the image has the code."""
STORES = Path("/opt/stores")
TOXIPROXY_SERVER = STORES / "toxiproxy-server"
_PROGRAMS = {
    StoreKind.POSTGRES: STORES / "postgres" / "postgres",
    StoreKind.REDIS: STORES / "valkey-server",
    StoreKind.NATS: STORES / "nats-server",
}
"""Where the image has them."""

VARIABLE = "HARNESS_DOCKER_BASE"
MADE_BASE = "harness-base:bookworm"
"""What `scripts/docker-base` makes where nothing can be pulled."""
IMAGE_LABEL = "harness.image"
ORDINARY_USER = 1_000
"""Whom programs in containers run as when the harness is root; else as the harness's own user."""
KEPT = 5
"""Images of the same code; older ones go when a new one is built."""
CONTEXT_LIMIT_BYTES = 1 << 30
_LEFT_OUT = ("__pycache__", ".git", ".venv", ".harness", ".mypy_cache", ".ruff_cache", ".pytest_cache")
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_ARG = re.compile(r'^ARG +(?P<name>\w+)="?(?P<value>[^"\n]*)"?$', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that is there."""

    tag: str
    code: Path
    """The directory of the host that it holds at `CODE`."""
    user: int
    programs: dict[StoreKind, Binary]
    """The stores' programs inside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What an image is built from."""

    dockerfile: Path
    code: Path
    lock: Path
    """The directory of uv.lock and requirements-lock.txt."""

    @classmethod
    def of(cls, root: Path) -> Recipe:
        """The recipe for a description: the next Dockerfile above it, and the next lock above that.

        Raises:
            ProvisionError: if there is none.
        """
        dockerfile = _above(root, "Dockerfile")
        lock = _above(dockerfile.parent, "uv.lock")
        return cls(dockerfile=dockerfile, code=dockerfile.parent, lock=lock.parent)

    def argument(self, name: str) -> str:
        """What stands in the Dockerfile as the default of an ARG; empty when there is none."""
        found = {match["name"]: match["value"] for match in _ARG.finditer(self.dockerfile.read_text())}
        return found.get(name, "")

    def files(self) -> Iterator[tuple[str, Path]]:
        """All files of the code, by their names in the context, in a fixed order."""
        for path in sorted(self.code.rglob("*")):
            inner = path.relative_to(self.code)
            if path.is_file() and not set(inner.parts) & set(_LEFT_OUT):
                yield f"code/{inner}", path


def build(recipe: Recipe, *, environ: Mapping[str, str] = os.environ, say: Callable[[str], None]) -> Image:
    """The image of a recipe: the one that is there, else built now. Blocks.

    Raises:
        DeployError: if there is no engine, or the build fails.
        ProvisionError: if there is no base image, no Toxiproxy, or the libraries can't be fetched.
    """
    cache = cache_directory(environ)
    user = os.geteuid() or ORDINARY_USER
    toxiproxy = find_toxiproxy(environ=environ, cache=cache, say=lambda _line: None).path
    needed = requirements(
        recipe.lock / "uv.lock", recipe.lock / "requirements-lock.txt", recipe.argument("LIBRARIES").split()
    )
    with closing(connect(environ)) as api, explained("building the image"):
        base = _base(api, environ.get(VARIABLE) or recipe.argument("BASE"), say)
        digest = _digest(recipe, [base, needed, str(user), hashlib.sha256(toxiproxy.read_bytes()).hexdigest()])
        repository = f"harness/{re.sub(r'[^a-z0-9]+', '-', recipe.code.name.lower()).strip('-') or 'code'}"
        tag = f"{repository}:{digest}"
        if _is_there(api, tag):
            say(f"image {tag} is there")
        else:
            say(f"building image {tag}")
            wheels = wheelhouse(needed, _python_of(api, base), cache)
            context = {"Dockerfile": recipe.dockerfile, "toxiproxy-server": toxiproxy}
            context |= {f"wheels/{path.name}": path for path in sorted(wheels.iterdir())} | dict(recipe.files())
            _build(api, tag, {"BASE": base, "USER_ID": str(user)}, context, {"requirements.txt": needed})
            _remove_old(api, repository)
        return Image(tag=tag, code=recipe.code, user=user, programs=_programs(api, tag))


def _above(start: Path, name: str) -> Path:
    for place in (start, *start.parents):
        if (place / name).is_file():
            return place / name
    raise ProvisionError(f"expected a {name} in {start} or above it, found none; Docker needs one to build an image")


def _base(api: docker.APIClient, wanted: str, say: Callable[[str], None]) -> str:
    """The id of the base image: the one that is wanted, or that was made in its place, or else pulled now."""
    if not wanted:
        raise ProvisionError("expected ARG BASE in the Dockerfile with the name of an image, found none")
    for name in (wanted, MADE_BASE):
        if _is_there(api, name):
            return _id_of(api, name)
    say(f"pulling {wanted}")
    try:
        api.pull(wanted)
        return _id_of(api, wanted)
    except APIError as error:
        why = next(iter(str(error.explanation).splitlines()), "no reason was given")
    raise ProvisionError(
        f"expected {wanted} or {MADE_BASE} as the base image, found neither, and {wanted} can't be pulled ({why}); "
        f"make one from Debian packages: scripts/docker-base {MADE_BASE}"
    )


def _is_there(api: docker.APIClient, name: str) -> bool:
    try:
        _id_of(api, name)
    except ImageNotFound:
        return False
    return True


def _id_of(api: docker.APIClient, name: str) -> str:
    return str(api.inspect_image(name)["Id"])  # type: ignore[no-untyped-call]  # the stubs lack its types


def run_in(api: docker.APIClient, image: str, command: list[str]) -> str:
    """What a program says that runs in an image by itself, without a network.

    Raises:
        DeployError: if it fails.
    """
    container = api.create_container(image, command, labels={IMAGE_LABEL: "asked"}, host_config=_without_network(api))
    try:
        api.start(container)
        code = api.wait(container)["StatusCode"]
        said: str = api.logs(container).decode(errors="replace").strip()
    finally:
        api.remove_container(container, force=True, v=True)
    if code != 0:
        raise DeployError(f"{image}: {command[0]} ended with {code}: {said[-300:]}")
    return said


def _without_network(api: docker.APIClient) -> object:
    return api.create_host_config(network_mode="none", cap_drop=["ALL"])


def _python_of(api: docker.APIClient, base: str) -> str:
    return run_in(api, base, ["python3", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"])


def _programs(api: docker.APIClient, tag: str) -> dict[StoreKind, Binary]:
    """The stores' programs in an image, with the versions that they tell."""
    script = 'for program in "$@"; do "$program" --version; done'
    told = run_in(api, tag, ["/bin/sh", "-c", script, "sh", *map(str, _PROGRAMS.values())]).splitlines()
    found = [_VERSION.search(line) for line in told]
    if len(found) != len(_PROGRAMS) or None in found:
        raise DeployError(f"{tag}: expected a version from each of the stores' programs, found {told}")
    return {
        kind: Binary(path=path, version=match[0] if match else "", how=f"image {tag}")
        for (kind, path), match in zip(_PROGRAMS.items(), found, strict=True)
    }


def _digest(recipe: Recipe, others: list[str]) -> str:
    digest = hashlib.sha256(recipe.dockerfile.read_bytes())
    for other in others:
        digest.update(b"\0" + other.encode())
    for name, path in recipe.files():
        digest.update(b"\0" + name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _build(
    api: docker.APIClient, tag: str, arguments: dict[str, str], files: Mapping[str, Path], texts: Mapping[str, str]
) -> None:
    said: list[str] = []
    with tempfile.TemporaryFile() as context:
        with tarfile.open(fileobj=context, mode="w") as archive:
            for name, text in texts.items():
                _add(archive, name, io.BytesIO(text.encode()), len(text.encode()), 0o644)
            for name, path in files.items():
                with path.open("rb") as file:
                    _add(archive, name, file, path.stat().st_size, 0o755 if os.access(path, os.X_OK) else 0o644)
        if context.tell() > CONTEXT_LIMIT_BYTES:
            raise DeployError(f"expected at most {CONTEXT_LIMIT_BYTES} bytes to build from, found {context.tell()}")
        context.seek(0)
        told = api.build(
            fileobj=context,
            custom_context=True,
            tag=tag,
            buildargs=arguments,
            labels={IMAGE_LABEL: tag.partition(":")[0]},
            network_mode="none",
            rm=True,
            forcerm=True,
            decode=True,
        )
        for each in told:
            said += str(each.get("stream", "")).splitlines()
            if "error" in each:
                last = "\n".join(f"  {line}" for line in [line for line in said if line.strip()][-15:])
                raise DeployError(f"the image could not be built: {each['error']}; last lines:\n{last}")


def _add(
    archive: tarfile.TarFile, name: str, file: io.BufferedIOBase | io.BufferedReader, size: int, mode: int
) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, mode
    archive.addfile(member, file)


def _remove_old(api: docker.APIClient, repository: str) -> None:
    """Keep the newest images; one that is in use stays too."""
    images = sorted(api.images(name=repository), key=lambda each: int(each["Created"]), reverse=True)
    for image in images[KEPT:]:
        for tag in image["RepoTags"] or ():
            try:
                api.remove_image(tag)
            except APIError:
                continue
