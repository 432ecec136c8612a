"""A declared journey walked through: what is asked next, and whether the answer lets the customer go on.

Nothing is sent here: whoever walks sends what `requests` yields and gives back what came of it.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import quote, urlencode, urljoin, urlsplit

from pydantic import JsonValue

from harness.load.answers import Reply
from harness.load.checks import SHOWN, Unmet, captured, unmet_of
from harness.model.steps import CUSTOMER, UNIQUE, Sees, Step, StepJourney, Variable
from harness.model.templates import as_text, filled, filled_in, names_in

REDIRECTS_LIMIT = 5
COOKIES_LIMIT = 50
_MOVED = frozenset({301, 302, 303, 307, 308})
_AS_IT_WAS = frozenset({307, 308})
_SAFE_IN_PATH = "/:@!$&'()*+,;=~-._%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What a request reads or writes, with its names filled in."""

    thing: str
    session: str
    writes: Mapping[str, JsonValue]
    once: str
    sees: Sees | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request that is to be sent."""

    step: str
    method: str
    path: str
    """With its query."""
    headers: Mapping[str, str]
    body: bytes
    key: str
    think_s: float
    touch: Touched | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of it."""

    reply: Reply
    cookies: tuple[str, ...] = ()
    """The lines of `Set-Cookie`."""


@dataclass(slots=True)
class Walk:
    """One customer on her way through a journey; all chance is drawn from `chance`."""

    journey: StepJourney
    chance: random.Random
    hosts: frozenset[str] = frozenset()
    """`host:port` of the entry, to which absolute redirects may lead."""
    failed: str | None = None
    """The first check that did not hold, in words, with its step."""
    unmet: str | None = None
    """Why the last answer is not what its step expects."""
    _values: dict[str, JsonValue] = field(default_factory=dict)
    _cookies: dict[str, str] = field(default_factory=dict)

    def requests(self) -> Generator[Asked, Answered, None]:
        """The requests in their order; ends after the last, or once `failed` says why."""
        self._draw()
        for step in self.journey.steps:
            if step.chance < 1 and self.chance.random() >= step.chance:
                continue
            try:
                yield from self._step(step)
            except Unmet as unmet:
                self.failed = f"{step.operation}: {unmet}"
                return

    def _step(self, step: Step) -> Generator[Asked, Answered, None]:
        asked = self._asked(step)
        self.unmet = None
        answered = yield asked
        try:
            self._keep(answered.cookies)
            for _ in range(REDIRECTS_LIMIT if step.follow else 0):
                if answered.reply.status not in _MOVED:
                    break
                asked = self._onwards(asked, answered.reply)
                answered = yield asked
                self._keep(answered.cookies)
            self._accept(step, answered.reply)
        except Unmet as unmet:
            self.unmet = str(unmet)
            raise

    def _accept(self, step: Step, reply: Reply) -> None:
        """Take from an answer what is captured; raises Unmet when it is not what the step expects."""
        if (why := unmet_of(step.check, reply, self._values)) is not None:
            raise Unmet(why)
        for name, where in step.capture.items():
            self._values[name] = captured(reply, name, where)

    def _draw(self) -> None:
        """Give every name its value, in the order of the file, so that the same seed draws the same."""
        self._values[UNIQUE] = self._unique()
        self._values[CUSTOMER] = f"c{self.chance.getrandbits(44):011x}"
        words = {name for step in self.journey.steps for name in _asked_for(step) if name.startswith(f"{UNIQUE}.")}
        for word in sorted(words):
            self._values[word] = self._unique()
        for name, variable in self.journey.variables.items():
            self._values[name] = self._drawn(variable)

    def _drawn(self, variable: Variable) -> JsonValue:
        if variable.between is not None:
            return self.chance.randint(*variable.between)
        chosen = self.chance.choice(variable.choose) if variable.choose else variable.value
        return filled_in(chosen, self._values) if all(name in self._values for name in names_in(chosen)) else chosen

    def _unique(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def _asked(self, step: Step) -> Asked:
        headers = {name: filled(text, self._values) for name, text in step.headers.items()}
        kind, body = self._body(step)
        known = {name.lower(): value for name, value in headers.items()}
        if kind and "content-type" not in known:
            headers["Content-Type"] = kind
        if self._cookies and "cookie" not in known:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return Asked(
            step=step.operation,
            method=step.method,
            path=self._path(step),
            headers=headers,
            body=body,
            key=filled(step.key, self._values) if step.key else known.get("idempotency-key", ""),
            think_s=float(step.think),
            touch=self._touched(step, once=known.get("idempotency-key", "")),
        )

    def _touched(self, step: Step, *, once: str) -> Touched | None:
        touches = step.touches
        if touches is None:
            return None
        return Touched(
            thing=filled(touches.thing, self._values),
            session=filled(touches.session, self._values),
            writes={filled(name, self._values): filled_in(each, self._values) for name, each in touches.writes.items()},
            once=once,
            sees=touches.sees,
        )

    def _path(self, step: Step) -> str:
        target = step.target
        if target.startswith("{"):
            path = self._inside(filled(target, self._values))
        else:
            path = filled(target, self._values, quoted=lambda value: quote(value, safe=""))
        if step.query:
            pairs = [(name, each) for name, value in step.query.items() for each in self._listed(value)]
            path += ("&" if "?" in path else "?") + urlencode(pairs)
        return path

    def _listed(self, value: JsonValue) -> list[str]:
        whole = filled_in(value, self._values)
        return [as_text(each) for each in whole] if isinstance(whole, list) else [as_text(whole)]

    def _body(self, step: Step) -> tuple[str, bytes]:
        if step.json_body is not None:
            return "application/json", json.dumps(filled_in(step.json_body, self._values)).encode()
        if step.form:
            pairs = [(name, each) for name, value in step.form.items() for each in self._listed(value)]
            return "application/x-www-form-urlencoded", urlencode(pairs).encode()
        if step.body is not None:
            return "text/plain; charset=utf-8", filled(step.body, self._values).encode()
        return "", b""

    def _onwards(self, asked: Asked, reply: Reply) -> Asked:
        """The request that a redirect asks for."""
        location = reply.headers.get("location", "")
        if not location:
            message = f"a redirect ({reply.status}) without a Location"
            raise Unmet(message)
        same = reply.status in _AS_IT_WAS
        headers = {name: value for name, value in asked.headers.items() if name.lower() != "cookie"}
        if not same:
            headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return Asked(
            step=asked.step,
            method=asked.method if same or asked.method == "HEAD" else "GET",
            path=self._inside(urljoin(asked.path, location)),
            headers=headers,
            body=asked.body if same else b"",
            key=asked.key,
            think_s=0.0,
            touch=asked.touch,
        )

    def _inside(self, url: str) -> str:
        """The path and query of a URL within the system; anything else is refused, since it may be anybody's."""
        try:
            parts = urlsplit(url)
            inside = not parts.netloc or parts.netloc in self.hosts or _is_this_machine(parts.hostname or "")
        except ValueError:
            inside, parts = False, urlsplit("")
        if not inside or not (parts.path.startswith("/") or (parts.netloc and not parts.path)):
            message = f"it leads out of the system: {url[:SHOWN]!r}"
            raise Unmet(message)
        path = quote(parts.path or "/", safe=_SAFE_IN_PATH)
        return f"{path}?{parts.query}" if parts.query else path

    def _keep(self, lines: Iterable[str]) -> None:
        """Keep cookies for the rest of the visit; one without a value is taken away."""
        for line in lines:
            name, equals, rest = line.partition("=")
            value, _, attributes = rest.partition(";")
            if not equals:
                continue
            gone = "max-age=0" in attributes.lower().replace(" ", "") or not value.strip()
            self._cookies.pop(name.strip(), None)
            if not gone and len(self._cookies) < COOKIES_LIMIT:
                self._cookies[name.strip()] = value.strip()


def _asked_for(step: Step) -> Iterable[str]:
    texts: list[JsonValue] = [step.request, step.json_body, step.body, step.key, *step.headers.values()]
    texts += [*step.query.values(), *step.form.values(), *step.check.equal.values(), *step.check.contains]
    if step.touches is not None:
        texts += [step.touches.thing, step.touches.session, *step.touches.writes, *step.touches.writes.values()]
    return (name for text in texts for name in names_in(text))


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
