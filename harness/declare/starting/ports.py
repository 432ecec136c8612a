"""At which port a service of a compose file listens, and by which path its health is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from harness.declare.starting.dotenv import Setting
from harness.declare.starting.draft import Reason
from harness.declare.starting.located import Section, Value, texts
from harness.errors import DeclarationError
from harness.model.system import WELL_KNOWN_PORT_LIMIT

_TARGET = re.compile(r"(?:.*:)?(\d+)(?:-\d+)?(?:/(?P<protocol>\w+))?")
_HEALTH = re.compile(
    r"https?://(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0|\$\{?HOSTNAME\}?)(?::(?:(\d+)|\$\{?\w+\}?))?(/[^\s\"'|;&)]*)?"
)
_ITS_OWN = ("PORT", "HTTP_PORT", "SERVER_PORT", "LISTEN_PORT", "APP_PORT", "GRPC_PORT")


def published(section: Section) -> bool:
    """Whether any port of it can be reached from outside."""
    return bool(_targets(section.get("ports")))


def listens_at(section: Section, settings: Mapping[str, Setting], named: Sequence[int]) -> Reason | None:
    """The port that it listens on: what is published or exposed, what it is told, or what others name."""
    targets = _targets(section.get("ports")) or _targets(section.get("expose"))
    health = _asked(section)
    if health is not None and health[0] and health[0] in targets:
        return Reason(value=str(health[0]), why="its healthcheck asks there")
    if targets:
        return Reason(value=str(next((port for port in targets if port in named), targets[0])), why="in its ports")
    for name in _ITS_OWN:
        if name in settings and _is_port(settings[name].value):
            return Reason(value=settings[name].value, why=f"its {name}")
    if named:
        return Reason(value=str(named[0]), why="by which others name it")
    return Reason(value=str(health[0]), why="its healthcheck asks there") if health is not None and health[0] else None


def health_path(section: Section) -> str | None:
    """The path that its healthcheck asks it for, if that is what it does."""
    asked = _asked(section)
    return asked[1] if asked is not None else None


def _asked(section: Section) -> tuple[int | None, str] | None:
    healthcheck = section.get("healthcheck")
    test = healthcheck.child("test") if healthcheck else None
    if test is None:
        return None
    match = _HEALTH.search(" ".join(text for text, _ in texts(test)))
    return None if match is None else (int(match[1]) if match[1] else None, match[2] or "/")


def _targets(value: Value | None) -> list[int]:
    """The ports inside the container, in their order."""
    found = []
    for each in list(value.elements()) if value is not None else []:
        target = each
        if isinstance(each.content, dict):
            target = each.child("target") or each
            protocol = each.child("protocol")
            if protocol is not None and protocol.content == "udp":
                continue
        ((text, at),) = texts(target) if not isinstance(target.content, dict) else [("", each)]
        match = _TARGET.fullmatch(text)
        if match is None or not _is_port(match[1]):
            message = f"expected a port such as 8080 or '80:8080', found {str(each.content)[:60]}"
            raise DeclarationError([at.problem(message, key=False)])
        if match["protocol"] != "udp":
            found.append(int(match[1]))
    return list(dict.fromkeys(found))


def _is_port(text: str) -> bool:
    return text.isdigit() and 0 < int(text) <= WELL_KNOWN_PORT_LIMIT
