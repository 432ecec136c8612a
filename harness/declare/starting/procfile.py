"""A Procfile as a first description: a line is a service, `.env` is what all of them are told."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.declare.starting.dotenv import Missing, Setting, read_env, read_text, substitute
from harness.declare.starting.draft import Draft, DraftEdge, DraftJourney, DraftService, DraftStep, DraftStore, Reason
from harness.declare.starting.names import distinct, normal
from harness.errors import DeclarationError, Place, Problem
from harness.model.system import Need, RuntimeKind

DOTENV = ".env"
WEB = "web"
_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(.*\S)\s*")
_SHELL = re.compile(r"[|&;<>()*?\[\]{}~#`\n]|\$")
_PORT = re.compile(r"\$(?:PORT\b|\{PORT(?::-\d+)?\})")
_FIXED = re.compile(
    r"(?:^|\s)(?:-p[ =]?|--?port[ =]|(?:--?(?:bind|listen|host|addr(?:ess)?|b)[ =])?[\w.]*:)(\d{4,5})(?!\S)"
)
_SETTING = re.compile(r"""([A-Za-z_]\w*)=("[^"`]*"|'[^'$]*'|(?:\$\{[^}\s]*\}|[^\s"'$;&|`()<>])*)\s+(?=\S)""")
_FOR_ADDRESS = re.compile(r"(?i)_(?:url|uri|addr|address|base_url|endpoint|host|service_url|api)$")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*")
_SILENT = re.compile(
    r"(?i)worker|clock|scheduler|cron|beat|sidekiq|celery|resque|consumer|queue|jobs?\b|watch|mailer|rq\b"
)
_RELEASE = "release"
_URL = re.compile(r"([a-z][a-z0-9+]*)://(?:[^@/\s]*@)?(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(\d+))?(/\S*)?")
_STORES = {"postgres": "postgres", "postgresql": "postgres", "redis": "redis", "nats": "nats"}
"""The scheme of a URL → what the harness can run."""
_DATABASES = ("postgres",)
_NO_STORE = ("http", "https", "ws", "wss", "file", "unix", "sqlite", "sqlite3")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    theirs: str
    command: str
    """Without the settings before it."""
    settings: Mapping[str, str]
    place: Place

    @property
    def fixed(self) -> int | None:
        """The port that stands in the command itself."""
        found = _FIXED.search(_PORT.sub("", self.command))
        return int(found[1]) if found else None

    @property
    def ports(self) -> Iterator[int]:
        """Those by which others may know it."""
        if self.fixed is not None:
            yield self.fixed
        if self.settings.get("PORT", "").isdigit():
            yield int(self.settings["PORT"])

    @property
    def silent(self) -> bool:
        """Whether it looks like something that listens on nothing."""
        tells = _PORT.search(self.command) or [*self.ports]
        return not tells and self.theirs != WEB and bool(_SILENT.search(f"{self.theirs} {self.command}"))


def from_procfile(file: Path, *, name: str | None = None) -> Draft:
    """Describe what a Procfile starts.

    Raises:
        DeclarationError: if it can't be read, holds nothing, or has a line that is none.
    """
    lines = _lines(file)
    remarks: list[Problem] = []
    kept = []
    for each in lines:
        if each.theirs == _RELEASE:
            message = "'release' is run once before a release, and ends: it is left out"
            remarks.append(Problem(place=each.place, message=message, remedy="run it by hand if it is needed"))
        elif each.silent:
            message = (
                f"'{each.theirs}' seems to listen on nothing, so the harness can't see when it is ready: it is left out"
            )
            remarks.append(
                Problem(place=each.place, message=message, remedy="let it listen on $PORT, and say so there")
            )
        else:
            kept.append(each)
    if not kept:
        message = "no line of it starts something that listens"
        raise DeclarationError([Problem(place=Place(file=str(file)), message=message, remedy="let one use $PORT")])
    env_file = file.parent / DOTENV
    settings = read_env(env_file) if env_file.is_file() else {}
    return _draft(file, kept, _Told(kept, settings), remarks, name)


def _draft(file: Path, kept: list[_Line], told: _Told, remarks: list[Problem], name: str | None) -> Draft:
    names = told.names
    for each in kept:
        if normal(each.theirs) != names[each.theirs]:
            message = (
                f"'{each.theirs}' would be called '{normal(each.theirs)}', as another is: it is '{names[each.theirs]}'"
            )
            remarks.append(Problem(place=each.place, message=message, remedy="rename it in system.yaml if you like"))
    web = any(each.theirs == WEB for each in kept)
    entry = Reason(value=names[WEB if web else kept[0].theirs], why="web" if web else "the first line; none is 'web'")
    look = DraftStep(name="look", method="GET", path="/")
    return Draft(
        system=normal(name or file.resolve().parent.name, otherwise="system"),
        source=file.name,
        entry=entry,
        runtime=RuntimeKind.PROCESS,
        services=tuple(_service(each, names[each.theirs], told.env_of(each)) for each in kept),
        stores=tuple(told.stores()),
        edges=tuple(told.edges()),
        journeys=(DraftJourney(name="look", steps=(look,), why="a guess"),),
        remarks=(*remarks, *told.remarks),
    )


def _lines(file: Path) -> list[_Line]:
    found: dict[str, _Line] = {}
    problems = []
    for number, text in enumerate(read_text(file).splitlines(), start=1):
        place = Place(file=str(file), line=number)
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            message = f"expected NAME: COMMAND, found {text.strip()[:60]!r}"
            problems.append(Problem(place=place, message=message, remedy="mend the line, or begin it with #"))
        elif match[1] in found:
            problems.append(Problem(place=place, message=f"'{match[1]}' stands here twice", remedy="rename one"))
        else:
            command, settings = _without_settings(match[2])
            found[match[1]] = _Line(theirs=match[1], command=command, settings=settings, place=place)
    if not found and not problems:
        remedy = "expected lines such as web: python3 app.py $PORT"
        problems.append(Problem(place=Place(file=str(file)), message="holds no process", remedy=remedy))
    if problems:
        raise DeclarationError(problems)
    return list(found.values())


def _without_settings(text: str) -> tuple[str, dict[str, str]]:
    """A command without the `NAME=value` before it, and those, their defaults filled in."""
    settings: dict[str, str] = {}
    rest = text
    while (match := _SETTING.match(rest)) is not None:
        try:
            settings[match[1]] = substitute(match[2].strip("\"'"), settings, lambda _: None)
        except Missing:
            return text, {}
        rest = rest[match.end() :]
    return rest, settings


def _service(line: _Line, name: str, env: dict[str, str]) -> DraftService:
    fixed = line.fixed
    port = None if fixed is None else Reason(value=str(fixed), why="it stands in its command")
    return DraftService(name=name, command=_command(line.command), port=port, env=tuple(env.items()))


def _command(text: str) -> tuple[str, ...]:
    """The argv of a line; by a shell only where it needs one."""
    plain = _PORT.sub("{port}", text)
    try:
        words = shlex.split(text, comments=False)
    except ValueError:
        words = []
    if words and not _SHELL.search(_PORT.sub("", text)) and not _ASSIGNMENT.fullmatch(words[0]):
        return tuple(shlex.split(plain))
    alone = words and not re.search(r"[|&;\n]", text) and not _ASSIGNMENT.fullmatch(words[0])
    escaped = text.replace("{", "{{").replace("}", "}}")
    # Without `exec` a kill would end the shell, and what it has started would go on.
    return ("sh", "-c", f"exec {escaped}" if alone and words[0] != "exec" else escaped)


class _Told:
    """What `.env` tells all services, with addresses of ours in place of those that lead to one another."""

    def __init__(self, kept: list[_Line], settings: Mapping[str, Setting]) -> None:
        self.remarks: list[Problem] = []
        self.names = distinct(each.theirs for each in kept)
        self._at = {port: each.theirs for each in kept for port in each.ports}
        self._kept = kept
        self._settings = {name: setting for name, setting in settings.items() if name != "PORT"}
        self._stores: dict[str, str] = {}
        """Kind → name."""
        taken = {*self.names.values()}
        own = [Setting(value=text, place=each.place) for each in kept for text in each.settings.values()]
        for setting in (*self._settings.values(), *own):
            match = _URL.fullmatch(setting.value)
            kind = _STORES.get(match[1].partition("+")[0]) if match else None
            if kind is not None and kind not in self._stores:
                self._stores[kind] = kind if kind not in taken else f"{kind}-store"
        self._shared = {name: self._led(name, setting) for name, setting in self._settings.items()}
        self._own = {each.theirs: self._led_by_itself(each) for each in kept}

    def env_of(self, line: _Line) -> dict[str, str]:
        """The environment of a service."""
        env = {"PORT": "{port}"}
        texts = {name: setting.value for name, setting in self._settings.items()} | dict(line.settings)
        leads = self._shared | self._own[line.theirs]
        for name, text in texts.items():
            if name == "PORT":
                continue
            provider, value = leads[name]
            own = provider == self.names[line.theirs]
            env[name] = text.replace("{", "{{").replace("}", "}}") if own or value is None else value
        return env

    def stores(self) -> Iterator[DraftStore]:
        """The stores that stand in for those that `.env` names."""
        for kind, name in self._stores.items():
            databases = tuple(self.names.values()) if kind in _DATABASES else ()
            remark = "An empty one of the run's own stands in for the one that .env names."
            yield DraftStore(name=name, kind=kind, databases=databases, remarks=(remark,))

    def edges(self) -> Iterator[DraftEdge]:
        """From every service to everything that `.env` names, since all of them read it."""
        for line in self._kept:
            consumer, seen = self.names[line.theirs], set[str]()
            own = self._own[line.theirs]
            for name, (provider, _) in (
                own | {name: to for name, to in self._shared.items() if name not in own}
            ).items():
                if provider is None or provider == consumer or provider in seen:
                    continue
                seen.add(provider)
                need = Need.HARD if provider in self._stores.values() else Need.SOFT
                why = f"{name} names it, in its line"
                if name not in own:
                    why = f"{name} names it ({DOTENV}:{self._settings[name].place.line}), which every process reads"
                yield DraftEdge(consumer=consumer, provider=provider, need=need, why=why)

    def _led_by_itself(self, line: _Line) -> dict[str, tuple[str | None, str | None]]:
        """Whom the settings of a line lead to."""
        settings = {name: text for name, text in line.settings.items() if name != "PORT"}
        return {name: self._led(name, Setting(value=text, place=line.place)) for name, text in settings.items()}

    def _called(self, name: str, port: str | None) -> str | None:
        """The service of ours that a local address leads to: by its port, or by the name of the setting."""
        if port is not None and int(port) in self._at:
            return self.names[self._at[int(port)]]
        word = normal(_FOR_ADDRESS.sub("", name), otherwise="")
        return word if _FOR_ADDRESS.search(name) and word in self.names.values() else None

    def _led(self, name: str, setting: Setting) -> tuple[str | None, str | None]:
        """Whom a setting leads to, and what to write in its place."""
        match = _URL.fullmatch(setting.value)
        if match is None:
            if "://" in setting.value:
                message = f"{name} leads out of the system, or is in no form that is known: it stays as it is"
                remedy = "describe it as a store, and write {edge.NAME.url}, if it is to be broken"
                self.remarks.append(Problem(place=setting.place, message=message, remedy=remedy))
            return None, None
        scheme, port, path = match[1].partition("+")[0], match[3], match[4] or ""
        kind = _STORES.get(scheme)
        if kind is not None:
            store = self._stores[kind]
            return store, f"{{edge.{store}.dsn}}" if kind in _DATABASES else f"{{edge.{store}.url}}{path}"
        provider = self._called(name, port)
        if provider is not None and scheme in {"http", "https"}:
            return provider, f"{{edge.{provider}.url}}{path}"
        if scheme not in _NO_STORE or port is not None:
            named = f"{match[1]}://{match[2]}" + (f":{port}" if port else "")
            message = f"{name} names {named}, which nothing here starts: it stays as it is"
            remedy = "describe it as a store of `kind: tcp` with `run:`, and write {edge.NAME.url}"
            self.remarks.append(Problem(place=setting.place, message=message, remedy=remedy))
        return None, None
