"""A first description from answers to five questions."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from harness.declare.starting.draft import Draft, DraftJourney, DraftService, DraftStep, Reason
from harness.declare.starting.names import normal
from harness.declare.validate import nearest
from harness.errors import DeclarationError, Place, Problem
from harness.model.system import CUSTOMERS, WELL_KNOWN_PORT_LIMIT, RuntimeKind

EXAMPLE = "web=python3 -m http.server {port} --bind 127.0.0.1"
"""A service that runs anywhere, so that the first run has something to show."""
_ADDRESS = re.compile(r"https?://[^\s/]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was answered, or stands as the default."""

    name: str
    runtime: RuntimeKind = RuntimeKind.PROCESS
    services: tuple[str, ...] = (EXAMPLE,)
    """`NAME=COMMAND`, in namespaces `NAME:PORT=COMMAND` where the port stands in its code; where it runs already,
    `NAME=ADDRESS`; where compose starts it, `NAME`."""
    entry: str | None = None
    path: str = "/"
    """What a customer asks for."""


def expected_of(runtime: RuntimeKind) -> str:
    """How a service is written, by what runs it."""
    match runtime:
        case RuntimeKind.COMPOSE:
            return "NAME, as in the compose file"
        case RuntimeKind.ATTACH:
            return "NAME=ADDRESS, such as web=http://127.0.0.1:8001"
        case RuntimeKind.NAMESPACES:
            return "NAME:PORT=COMMAND, such as web:8000=node server.js"
        case RuntimeKind.PROCESS:
            return "NAME=COMMAND, such as web=python3 app.py --port {port}"


def default_of(runtime: RuntimeKind) -> str:
    """A service that one may begin with."""
    match runtime:
        case RuntimeKind.COMPOSE:
            return "web"
        case RuntimeKind.ATTACH:
            return "web=http://127.0.0.1:8080"
        case _:
            return EXAMPLE


def service_named(text: str) -> str:
    """The name of a service in an answer."""
    return text.partition("=")[0].partition(":")[0].strip()


def from_answers(answers: Answers) -> Draft:
    """Describe the system that was told of; raises DeclarationError for an answer that makes no sense."""
    services = tuple(_service(each, answers.runtime) for each in answers.services)
    names = [each.name for each in services]
    for index, name in enumerate(names):
        if name in names[:index] or name == CUSTOMERS:
            raise _refused("the services", f"'{name}' is taken", "give each a name of its own")
    entry = answers.entry or names[0]
    if entry not in names:
        raise _refused("the entry", f"'{entry}' is no service", nearest(entry, names))
    if not answers.path.startswith("/"):
        raise _refused("the path", f"expected something like /, found {answers.path!r}", "begin it with a slash")
    look = DraftStep(name="look", method="GET", path=answers.path)
    return Draft(
        system=normal(answers.name, otherwise="system"),
        source="your answers",
        entry=Reason(value=entry, why="as you said"),
        runtime=answers.runtime,
        compose="docker-compose.yml" if answers.runtime is RuntimeKind.COMPOSE else None,
        services=services,
        journeys=(DraftJourney(name="look", steps=(look,), why="as you said"),),
    )


def _service(text: str, runtime: RuntimeKind) -> DraftService:
    name, how = service_named(text), text.partition("=")[2].strip()
    if normal(name) != name:
        remedy = f"call it '{normal(name)}'" if name else f"expected {expected_of(runtime)}"
        raise _refused("the services", f"'{name}' is not a name: lower-case words joined by hyphens", remedy)
    match runtime:
        case RuntimeKind.COMPOSE:
            return DraftService(name=name, compose=how or None)
        case RuntimeKind.ATTACH:
            if not _ADDRESS.fullmatch(how):
                raise _refused("the services", f"'{name}' has no address", f"expected {expected_of(runtime)}")
            return DraftService(name=name, addresses=(how,))
        case RuntimeKind.PROCESS | RuntimeKind.NAMESPACES:
            return _started(text, name, how, runtime)


def _started(text: str, name: str, how: str, runtime: RuntimeKind) -> DraftService:
    try:
        command = tuple(shlex.split(how))
    except ValueError as error:
        raise _refused("the services", f"the command of '{name}' can't be read: {error}", "mend its quotes") from error
    if not command:
        raise _refused("the services", f"'{name}' has no command", f"expected {expected_of(runtime)}")
    fixed = text.partition("=")[0].partition(":")[2].strip()
    if not fixed:
        return DraftService(name=name, command=command, env=(("PORT", "{port}"),))
    if runtime is RuntimeKind.PROCESS or not fixed.isdecimal() or not 0 < int(fixed) <= WELL_KNOWN_PORT_LIMIT:
        raise _refused("the services", f"'{name}:{fixed}' is no service", f"expected {expected_of(runtime)}")
    return DraftService(name=name, command=command, port=Reason(value=fixed, why="as you said"))


def _refused(what: str, message: str, remedy: str) -> DeclarationError:
    return DeclarationError([Problem(place=Place(file=what), message=message, remedy=remedy)])
