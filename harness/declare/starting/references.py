"""Who is named in a text: the hosts of its addresses, the values of its settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_URL = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*(?::[a-z][a-z0-9+.-]*)*://(?:[^\s@/,'\"]*@)?"
    r"(?P<hosts>[A-Za-z0-9_.-]+(?::\d{1,5})?(?:,[A-Za-z0-9_.-]+(?::\d{1,5})?(?![:A-Za-z0-9_.-]))*)[^\s,'\"]*"
)
_HOST_PORT = re.compile(r"(?<![A-Za-z0-9_.@/-])([A-Za-z][A-Za-z0-9_.-]*):(\d{1,5})(?![A-Za-z0-9_.-])")
_KEYWORD = re.compile(r"(?i)(?<![a-z])(?:host|server|data source|addr)\s*=\s*([A-Za-z0-9_.-]+)")
_OPTION = re.compile(
    r"(?<!\S)(?:-h|--?[a-z-]*(?:host|server|addr|address|upstream|backend)[a-z-]*)[ =]\[?([A-Za-z0-9_.-]+)"
)
_ABOUT_A_HOST = re.compile(
    r"(?i)(?:^|_)(?:host(?:name)?s?|addr(?:ess(?:es)?)?|url|uri|servers?|brokers?|endpoint|backend|upstream|nodes?"
    r"|peers?|seeds?|contact_points|api|target)$"
)
_LISTED = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*(?:[ ,;]+[A-Za-z][A-Za-z0-9_.-]*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A host that a text names; without a port when it names none."""

    host: str
    port: int | None = None


def references(text: str, *, setting: str = "") -> Iterator[Reference]:
    """The hosts that a text names, in the order in which they stand there.

    Args:
        text: a value of the environment, or a command.
        setting: the name of the environment variable; by it one sees whether a bare word is a host.
    """
    rest = text
    for match in _URL.finditer(text):
        for host in match["hosts"].split(","):
            yield _reference(host)
        rest = rest.replace(match[0], " ", 1)
    for match in _HOST_PORT.finditer(rest):
        yield Reference(host=match[1], port=int(match[2]))
    for pattern in (_KEYWORD, _OPTION):
        for match in pattern.finditer(rest):
            yield Reference(host=match[1])
    if _ABOUT_A_HOST.search(setting) and _LISTED.fullmatch(rest.strip()):
        for word in re.split(r"[ ,;]+", rest.strip()):
            yield Reference(host=word)


def _reference(text: str) -> Reference:
    host, _, port = text.partition(":")
    return Reference(host=host, port=int(port) if port else None)
