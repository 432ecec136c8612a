"""A compose project as it is written: files joined, variables filled in, each value with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from harness.declare.starting.dotenv import Missing, Setting, read_env, substitute
from harness.declare.starting.located import Section, Value, joined, listed, text_of, texts, wrong
from harness.declare.validate import nearest
from harness.declare.yaml import Document, Path_, read_yaml
from harness.errors import DeclarationError, Place, Problem

MOST_FILES = 50
"""Of one project, by `include` and `extends` together."""
DOTENV = ".env"


@dataclass(slots=True, kw_only=True)
class Project:
    """All files of a project, joined."""

    file: Path
    name: str | None = None
    services: dict[str, Section] = field(default_factory=dict)
    places: dict[str, Value] = field(default_factory=dict)
    """Where each service stands."""
    settings: dict[str, dict[str, Setting]] = field(default_factory=dict)
    """The environment of each service, with what its env_files say."""
    tops: list[Value] = field(default_factory=list)
    """The root of each file."""
    remarks: list[Problem] = field(default_factory=list)


def read_project(file: Path, *, environ: Mapping[str, str]) -> Project:
    """Read a compose file with all that it includes and extends.

    Raises:
        DeclarationError: if a file can't be read, isn't YAML, or is no compose file.
    """
    reader = _Reader(environ)
    project = Project(file=file)
    reader.take(project, file, file.resolve().parent, ())
    if not project.services:
        raise DeclarationError([project.tops[0].problem("has no services", "expected services: {NAME: …}")])
    for name, section in project.services.items():
        project.settings[name] = reader.environment(section)
    project.remarks = reader.remarks
    return project


class _Reader:
    """Reads the files of one project."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._read: dict[tuple[Path, Path], Value] = {}
        self.remarks: list[Problem] = []

    def take(self, project: Project, file: Path, home: Path, including: tuple[Path, ...]) -> None:
        """Add a file, and what it includes, to the project."""
        top = self._top(file, home)
        project.tops.append(top)
        name = top.child("name")
        if project.name is None and name is not None and isinstance(name.content, str):
            project.name = name.content
        include = top.child("include")
        for each in listed(include) if include else ():
            for path, its_home in _included(each, file):
                if path in including or path == file.resolve():
                    raise DeclarationError([each.problem(f"includes itself through {path.name}", "remove one")])
                self.take(project, path, its_home, (*including, file.resolve()))
        services = top.child("services")
        if services is not None and not isinstance(services.content, dict):
            raise DeclarationError([wrong(services, "a mapping of services")])
        for service, value in services.children() if services else ():
            if service in project.services:
                message = f"the service '{service}' is in {project.places[service].document.file} already"
                raise DeclarationError([value.problem(message, "rename one")])
            project.services[service] = self._section(value, (), home)
            project.places[service] = value

    def environment(self, section: Section) -> dict[str, Setting]:
        """A service's environment: its env_files in their order, and then its own."""
        found: dict[str, Setting] = {}
        files = section.get("env_file")
        for each in listed(files) if files else ():
            path, required = each, True
            if isinstance(each.content, dict):
                path, required = each.child("path") or each, each.content.get("required") is not False
            if not isinstance(path.content, str):
                raise DeclarationError([wrong(path, "the path of a file")])
            file = Path(path.document.file).parent / path.content
            if required or file.is_file():
                found |= read_env(file, at=path.place)
        own = section.get("environment")
        return found | (self._own(own) if own else {})

    def _own(self, own: Value) -> dict[str, Setting]:
        found: dict[str, Setting] = {}
        if not isinstance(own.content, dict | list):
            raise DeclarationError([wrong(own, "a mapping, or a list of NAME=value")])
        for name, value in own.children():
            text = self._environ.get(name) if value.content is None else text_of(value)
            if text is not None:
                found[name] = Setting(value=text, place=value.place)
        for value in own.elements():
            name, sign, text_ = text_of(value).partition("=")
            given: str | None = text_ if sign else self._environ.get(name)
            if given is not None:
                found[name] = Setting(value=given, place=value.place)
        return found

    def _top(self, file: Path, home: Path) -> Value:
        key = (file.resolve(), home)
        if key not in self._read:
            if len(self._read) >= MOST_FILES:
                message = f"the project has more than {MOST_FILES} files"
                raise DeclarationError([Problem(place=Place(file=str(file)), message=message)])
            document = read_yaml(file)
            if not isinstance(document.content, dict):
                raise DeclarationError([document.problem((), "is no compose file", "expected a mapping with services")])
            self._read[key] = self._filled(document, home)
        return self._read[key]

    def _filled(self, document: Document, home: Path) -> Value:
        """The file's content with its variables filled in; the caller's environment comes before `.env`."""
        dotenv = read_env(home / DOTENV) if (home / DOTENV).is_file() else {}
        values = {name: setting.value for name, setting in dotenv.items()} | dict(self._environ)
        problems: list[Problem] = []

        def fill(content: JsonValue, path: Path_) -> JsonValue:
            if isinstance(content, dict):
                return {name: fill(each, (*path, name)) for name, each in content.items()}
            if isinstance(content, list):
                return [fill(each, (*path, index)) for index, each in enumerate(content)]
            if not isinstance(content, str) or "$" not in content:
                return content
            try:
                return substitute(content, values, lambda name: self._unset(document, path, name))
            except Missing as missing:
                problems.append(document.problem(path, str(missing), f"set it in {DOTENV}, or in the environment"))
                return content

        content = fill(document.content, ())
        if problems:
            raise DeclarationError(problems)
        return Value(content=content, document=document, path=())

    def _unset(self, document: Document, path: Path_, name: str) -> None:
        message = f"the variable {name} is not set, and is empty here; what it would have named isn't seen"
        self.remarks.append(document.problem(path, message, f"set it in {DOTENV}, or write ${{{name}:-default}}"))

    def _section(self, value: Value, extending: tuple[Path_, ...], home: Path) -> Section:
        """A service with what it extends."""
        if not isinstance(value.content, dict):
            raise DeclarationError([wrong(value, "a mapping that describes a service")])
        own = dict(value.children())
        extends = own.pop("extends", None)
        if extends is None:
            return own
        where: Path_ = (value.document.file, *value.path)
        if where in extending:
            raise DeclarationError([extends.problem("extends itself, through others", "remove one `extends`")])
        parent = self._extended(extends, value, home)
        return joined(self._section(parent, (*extending, where), home), own)

    def _extended(self, extends: Value, value: Value, home: Path) -> Value:
        service, file = extends, None
        if isinstance(extends.content, dict):
            service, file = extends.child("service") or extends, extends.child("file")
        if not isinstance(service.content, str) or (file is not None and not isinstance(file.content, str)):
            raise DeclarationError([wrong(extends, "a service's name, or {file: …, service: …}")])
        here = Path(value.document.file)
        top = self._top(here if file is None else here.parent / str(file.content), home)
        services = top.child("services")
        parent = services.child(service.content) if services else None
        if parent is None:
            known = [name for name, _ in services.children()] if services else []
            message = f"extends '{service.content}', which is no service of {top.document.file}"
            raise DeclarationError([service.problem(message, nearest(service.content, known), key=False)])
        return parent


def _included(each: Value, file: Path) -> Iterator[tuple[Path, Path]]:
    """The files of one entry of `include`, each with the directory that its variables come from."""
    here = file.resolve().parent
    paths, home = each, None
    if isinstance(each.content, dict):
        found, home = each.child("path"), each.child("project_directory")
        if found is None:
            raise DeclarationError([each.problem("'path' is missing", "expected the path of a compose file")])
        paths = found
    for text, value in texts(paths):
        if "://" in text or text.startswith("git@"):
            message = f"includes {text}, which is not on this machine"
            raise DeclarationError([value.problem(message, "fetch it, and include the file", key=False)])
        path = (here / text).resolve()
        yield path, here / str(home.content) if home else path.parent
