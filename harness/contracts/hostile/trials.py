"""The trials of one operation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from harness.contracts.hostile import payloads
from harness.contracts.hostile.asking import Point, points, proves, request_of, with_value
from harness.contracts.hostile.operations import METHODS, Operation
from harness.model.fuzzing import HostileCheck, ServiceFuzz
from harness.model.hostile import Honest, Trial
from harness.model.request import Request

_HEADER_SAFE = re.compile(r"[\x20-\x7e]*")
_PARAMETER = re.compile(r"\{[^/{}]+\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """As whom is asked, and who else there is."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    another: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Those that make one another customer; empty when nobody is declared."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Sent along whoever asks."""

    @property
    def sent(self) -> dict[str, str]:
        """With every honest request."""
        return {**self.headers, **self.marks}

    @property
    def nobody(self) -> dict[str, str]:
        """The same without what proves who asks."""
        proofs = [name for name in self.headers if proves(name)] or [*self.headers]
        return {name: value for name, value in self.sent.items() if name not in proofs}

    @property
    def other(self) -> dict[str, str]:
        """What the other customer sends."""
        replaced = {name.lower() for name in self.another}
        return {name: value for name, value in self.sent.items() if name.lower() not in replaced} | {**self.another}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Maker:
    operation: Operation
    honest: Honest
    identity: Identity
    base: str
    settings: ServiceFuzz
    operations: Mapping[str, Operation]

    def trial(  # noqa: PLR0913 -- the parts of a trial
        self,
        check: HostileCheck,
        what: str,
        hostile: Request,
        *,
        twin: Request | None = None,
        control: Request | None = None,
        needle: str = "",
    ) -> Trial:
        name = f"{hostile.method} {self.operation.template}"
        return Trial(check=check, operation=name, what=what, hostile=hostile, twin=twin, control=control, needle=needle)

    def asked(self, honest: Honest | None = None, headers: Mapping[str, str] | None = None) -> Request:
        return request_of(honest or self.honest, self.base, self.identity.sent if headers is None else headers)

    def put(self, point: Point, value: str) -> Request:
        return self.asked(with_value(self.honest, point, value))


def trials_of(  # noqa: PLR0913 -- all by keyword
    *,
    operation: Operation,
    honest: Honest,
    identity: Identity,
    base: str,
    settings: ServiceFuzz,
    operations: Mapping[str, Operation],
) -> Iterator[Trial]:
    """All that is tried on an operation, in the same order each time; what its settings leave out is not among it."""
    maker = _Maker(
        operation=operation, honest=honest, identity=identity, base=base, settings=settings, operations=operations
    )
    for made in (_tokens, _another, _identities, _hosts, _methods, _tautologies, _words, _scripts, _bodies, _oversize):
        yield from (trial for trial in made(maker) if trial.check not in settings.checks_off)


def _tokens(maker: _Maker) -> Iterator[Trial]:
    if not maker.operation.secured:
        return
    nobody = maker.identity.nobody
    yield maker.trial(HostileCheck.NO_TOKEN, "no token", maker.asked(headers=nobody))
    forged = list(payloads.FORGED)
    shown = next((value for name, value in maker.identity.headers.items() if name.lower() == "authorization"), "")
    unsigned = payloads.unsigned(shown.rpartition(" ")[2])
    if unsigned:
        forged.append(("an unsigned token", f"Bearer {unsigned}"))
    for what, value in forged:
        yield maker.trial(HostileCheck.NO_TOKEN, what, maker.asked(headers={**nobody, "Authorization": value}))


def _another(maker: _Maker) -> Iterator[Trial]:
    if maker.operation.name not in maker.settings.private or not maker.identity.another:
        return
    # What changes something is asked by the stranger alone: after him, the owner might be refused.
    twin = maker.asked() if maker.honest.method == "GET" else None
    hostile = maker.asked(headers=maker.identity.other)
    yield maker.trial(HostileCheck.ANOTHER, "asked by another customer", hostile, twin=twin)


def _identities(maker: _Maker) -> Iterator[Trial]:
    known = {name.lower() for name in maker.identity.headers}
    names = dict.fromkeys((*payloads.IDENTITIES, *maker.settings.identity_headers, *maker.identity.another))
    declared = {name.lower() for name in maker.operation.header}
    others = [name for name in names if not proves(name)]
    value = next((value for name, value in maker.identity.another.items() if not proves(name)), payloads.SOMEBODY)
    if maker.operation.secured:
        nobody = maker.identity.nobody
        for name, said in (*((name, value) for name in others), *payloads.ORIGINS):
            hostile = maker.asked(headers={**nobody, name: said})
            what = f"no token, but {name}: {said}"
            yield maker.trial(HostileCheck.TRUSTED_HEADER, what, hostile, twin=maker.asked(headers=nobody))
    if maker.honest.method == "GET":
        for name in others:
            if name.lower() not in known | declared:
                hostile = maker.asked(headers={**maker.identity.sent, name: value})
                twin = maker.asked()
                what = f"{name}: {value}"
                yield maker.trial(HostileCheck.TRUSTED_HEADER, what, hostile, twin=twin, control=twin)


def _hosts(maker: _Maker) -> Iterator[Trial]:
    foreign = payloads.FOREIGN_HOST
    for name in payloads.HOSTS:
        value = f"host={foreign}" if name == "Forwarded" else foreign
        hostile = maker.asked(headers={**maker.identity.sent, name: value})
        yield maker.trial(HostileCheck.TRUSTED_HEADER, f"{name}: {value}", hostile, needle=foreign)


def _methods(maker: _Maker) -> Iterator[Trial]:
    """Each path is tried once: with its first operation."""
    template = maker.operation.template
    first = next(each.name for each in maker.operations.values() if each.template == template)
    if maker.operation.name != first:
        return
    plain = replace(maker.honest, body=None, media="")
    for method in METHODS:
        name = method.upper()
        if method == "head" or any(
            each.method == name and _meets(each.template, template) for each in maker.operations.values()
        ):
            continue
        body = b"{}" if method in {"post", "put", "patch"} else None
        hostile = request_of(plain, maker.base, maker.identity.sent, method=name, body=body)
        yield maker.trial(HostileCheck.WRONG_METHOD, f"{name} is not declared", hostile)


def _meets(template: str, other: str) -> bool:
    """Whether a path of the one may be one of the other."""
    parts, others = template.split("/"), other.split("/")
    return len(parts) == len(others) and all(
        _PARAMETER.fullmatch(one) or _PARAMETER.fullmatch(two) or one == two
        for one, two in zip(parts, others, strict=True)
    )


def _tautologies(maker: _Maker) -> Iterator[Trial]:
    for point in points(maker.operation, maker.honest):
        for each in payloads.TAUTOLOGIES:
            yield maker.trial(
                HostileCheck.TAUTOLOGY,
                f"{point} = {each.always}",
                maker.put(point, each.always),
                twin=maker.put(point, each.never),
                control=maker.put(point, each.plain),
            )


def _words(maker: _Maker) -> Iterator[Trial]:
    for point in points(maker.operation, maker.honest):
        for what, word in payloads.WORDS:
            if point.part != "header" or _HEADER_SAFE.fullmatch(word):
                yield maker.trial(HostileCheck.SURVIVES, f"{what} in {point}", maker.put(point, word))


def _scripts(maker: _Maker) -> Iterator[Trial]:
    for point in points(maker.operation, maker.honest):
        what = f"a script in {point}"
        yield maker.trial(HostileCheck.SCRIPT, what, maker.put(point, payloads.SCRIPT), needle=payloads.SCRIPT)


def _bodies(maker: _Maker) -> Iterator[Trial]:
    if not maker.operation.takes_json:
        return
    for what, body in payloads.BODIES:
        hostile = request_of(maker.honest, maker.base, maker.identity.sent, body=body)
        yield maker.trial(HostileCheck.SURVIVES, f"{what} as the body", hostile)


def _oversize(maker: _Maker) -> Iterator[Trial]:
    for point in points(maker.operation, maker.honest):
        if point.part in {"path", "query"}:
            hostile = maker.put(point, "x" * payloads.OVERSIZE_QUERY_CHARS)
            what = f"{payloads.OVERSIZE_QUERY_CHARS} characters in {point}"
            yield maker.trial(HostileCheck.SURVIVES, what, hostile)
        elif point.part == "body":
            hostile = maker.put(point, "x" * payloads.OVERSIZE_CHARS)
            yield maker.trial(HostileCheck.OVERSIZE, f"{payloads.OVERSIZE_CHARS} characters in {point}", hostile)
    if isinstance(maker.honest.body, dict):
        padded = {**maker.honest.body, "harness_padding": "x" * payloads.OVERSIZE_BODY_CHARS}
        what = f"{payloads.OVERSIZE_BODY_CHARS} characters in a member that nobody asked for"
        yield maker.trial(HostileCheck.OVERSIZE, what, maker.asked(replace(maker.honest, body=padded)))
