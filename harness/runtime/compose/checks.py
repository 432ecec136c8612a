"""What stands in a compose project that has no place in a run, or another meaning there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.declare.starting.compose_file import Project
from harness.declare.starting.located import texts
from harness.declare.starting.unsupported import of_project, of_service
from harness.errors import DeclarationError, Problem

_ANOTHER_MEANING = ("container_name", "extra_hosts", "scale", "deploy", "network_mode")
"""Told here, and not as for a first description."""


def check(project: Project, declared: Iterable[str]) -> list[Problem]:
    """What is to be told before a run.

    Args:
        project: the project.
        declared: the services of it that the description names.

    Raises:
        DeclarationError: if one of those can't have an address of its own, or two have one name.
    """
    wanted = set(declared)
    wrong = [*_without_address(project, wanted), *_names_twice(project)]
    if wrong:
        raise DeclarationError(wrong)
    told = list(project.remarks)
    for name, section in project.services.items():
        told += of_service(name, {key: value for key, value in section.items() if key not in _ANOTHER_MEANING})
        told += _of_service(project, name, declared=name in wanted)
    for top in project.tops:
        told += of_project(top)
    return told


def _without_address(project: Project, declared: set[str]) -> Iterator[Problem]:
    for name in sorted(declared & project.services.keys()):
        mode = project.services[name].get("network_mode")
        if mode is not None:
            message = (
                f"'network_mode: {mode.content}' of '{name}': it has no address of its own, so no proxy can stand "
                "before it, and it can't be told of one"
            )
            yield mode.problem(message, "give it a network of the project, or leave it out of the description")


def _names_twice(project: Project) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name, section in project.services.items():
        own = section.get("container_name")
        if own is not None:
            other = seen.setdefault(str(own.content), name)
            if other != name:
                yield own.problem(f"'container_name: {own.content}' is the name of '{other}' already", "rename one")


def _of_service(project: Project, name: str, *, declared: bool) -> Iterator[Problem]:
    section = project.services[name]
    if "network_mode" in section and not declared:
        mode = section["network_mode"]
        yield mode.problem(f"'network_mode: {mode.content}' of '{name}': it shares what the run does not own")
    if "ports" in section:
        message = f"'ports' of '{name}' are not published in a run: customers come in by a port of 127.0.0.1"
        yield section["ports"].problem(message)
    volumes = section.get("volumes")
    for text, value in texts(volumes) if volumes is not None else ():
        if text.startswith((".", "/", "~")):
            message = f"the bind mount {text!r} of '{name}' is shared with whatever else uses that directory"
            yield value.problem(message, "use a named volume: those are made for the run, and removed with it")
    deploy = section.get("deploy")
    replicas = section.get("scale") or (deploy.child("replicas") if deploy is not None else None)
    if declared and replicas is not None and replicas.content not in (0, 1):
        message = f"{replicas.content} containers of '{name}' are asked for; the description says how many there are"
        yield replicas.problem(message, "see 'instances' of the service in system.yaml")
