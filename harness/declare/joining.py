"""Many `service.yaml` files made into the description of one system."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import JsonValue

from harness.declare.service_file import Read, ServiceFile, read_all
from harness.declare.system import resolve
from harness.declare.validate import nearest, validated
from harness.declare.yaml import Document, parse_yaml, read_yaml
from harness.errors import DeclarationError, Place, Problem
from harness.model.system import Need, Service, System

MARK = "# Joined by `harness system compose` from what the services' repositories say; mend it there, not here.\n"
"""By this first line a file is known that may be written anew."""

Object = dict[str, JsonValue]
_LIST_OF = {Need.HARD: "needs", Need.SOFT: "usable_without"}
_OWN = ServiceFile.model_fields.keys() - Service.model_fields.keys()
"""The keys of a service.yaml that are none of a service in a system.yaml."""
_IN_FILES = ("services", "edges")


def join_services(
    files: Sequence[Path],
    *,
    target: Path,
    name: str | None = None,
    entry: str | None = None,
    common: Path | None = None,
) -> str:
    """The text of the system.yaml that the files make together.

    Args:
        files: a `service.yaml` each.
        target: where the text will be; paths become relative to it.
        name: the system's name; needed unless the common file says it.
        entry: the service that customers talk to; needed unless a file says `entry: true`.
        common: a file with what belongs to no service: any key of a system.yaml but `services` and `edges`.

    Raises:
        DeclarationError: with all that does not fit together, each at its place.
    """
    read = read_all(files)
    shared = _read_common(common)
    whole: Object = dict(shared.content) if shared is not None and isinstance(shared.content, dict) else {}
    problems = [*_owners(read), *_collisions(read, shared), *_needs(read, whole), *_parts(read, whole)]
    entries = [each for each in read if each.spec.entry]
    if entry is None and "entry" not in whole:
        problems += _entries(read, entries)
    if name is None and "system" not in whole:
        place = Place(file=str(common or files[0]))
        problems.append(Problem(place=place, message="nothing says what the system is called", remedy="add --name"))
    if problems:
        raise DeclarationError(problems)
    first: Object = {"system": name or whole.get("system"), "entry": entry or whole.get("entry") or entries[0].name}
    rest: Object = {key: value for key, value in whole.items() if key not in {"system", "entry", "stores", "journeys"}}
    content = first | rest
    content["services"] = {each.name: _service(each, target) for each in read}
    content["stores"] = _stores(read, whole)
    content["edges"] = [edge for each in read for edge in _edges(each)]
    content["journeys"] = _journeys(read, whole)
    return _proved({key: value for key, value in content.items() if value}, read, target)


def _read_common(common: Path | None) -> Document | None:
    if common is None:
        return None
    document = read_yaml(common)
    if not isinstance(document.content, dict):
        raise DeclarationError([document.problem((), "expected a mapping with keys of a system.yaml")])
    problems = [
        document.problem((key,), f"'{key}' come from the service.yaml files", "remove it", key=True)
        for key in _IN_FILES
        if key in document.content
    ]
    if problems:
        raise DeclarationError(problems)
    return document


def _owners(read: Sequence[Read]) -> Iterator[Problem]:
    """A service that two files describe, which two teams may both call theirs."""
    first: dict[str, Read] = {}
    for each in read:
        before = first.setdefault(each.name, each)
        if before is each:
            continue
        where = before.place("service")
        if before.spec.owner == each.spec.owner:
            message = f"the service '{each.name}' is described in {where} too"
            yield each.problem(("service",), message, "rename one, or remove one")
        else:
            message = f"'{each.name}' has two owners: '{each.spec.owner}', and '{before.spec.owner}' in {where}"
            yield each.problem(("service",), message, "one of them must give it up, or rename it")


def _collisions(read: Sequence[Read], shared: Document | None) -> Iterator[Problem]:
    """Stores and journeys that several declare, and not alike; and stores that are called as a service is."""
    services = {each.name: each for each in read}
    for kind in ("stores", "journeys"):
        seen: dict[str, tuple[JsonValue, Place]] = {}
        if shared is not None:
            seen = {name: (value, shared.place((kind, name))) for name, value in _under(shared.content, kind).items()}
        for each in read:
            for name, value in _under(each.document.content, kind).items():
                if kind == "stores" and name in services:
                    message = f"the store '{name}' is called as the service in {services[name].place('service')} is"
                    yield each.problem((kind, name), message, "rename one")
                before, where = seen.setdefault(name, (value, each.place(kind, name)))
                if kind == "journeys" and where != each.place(kind, name):
                    message = f"the journey '{name}' is declared in {where} too"
                    yield each.problem((kind, name), message, "declare it once, and say `takes_part` in the others")
                elif (key := _difference(before, value)) is not None:
                    message = f"the store '{name}' has another '{key}' in {where}"
                    remedy = (
                        "two owners: one must give it up" if key == "owner" else "make them the same, or rename one"
                    )
                    yield each.problem((kind, name), message, remedy)


def _difference(before: JsonValue, after: JsonValue) -> str | None:
    """The first key in which two declarations of a store differ; each may have databases of its own."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return None
    keys = [key for key in {**before, **after} if key != "databases"]
    return next((key for key in keys if before.get(key) != after.get(key)), None)


def _needs(read: Sequence[Read], whole: Object) -> Iterator[Problem]:
    """Edges to nobody."""
    known = {each.name for each in read} | {name for each in read for name in each.spec.stores}
    known |= {*_under(whole, "stores")}
    for each in read:
        for index, needed in enumerate(each.spec.needs):
            if needed.to not in known:
                message = f"'{each.name}' needs '{needed.to}', which is no service and no store of any file"
                remedy = f"{nearest(needed.to, known - {each.name})}; or name the file that describes it, too"
                yield each.problem(("needs", index, "to"), message, remedy)


def _parts(read: Sequence[Read], whole: Object) -> Iterator[Problem]:
    """Parts taken in journeys that nobody declares."""
    known = {name for each in read for name in each.spec.journeys} | {*_under(whole, "journeys")}
    for each in read:
        for index, part in enumerate(each.spec.takes_part):
            if part.journey not in known:
                message = f"'{each.name}' takes part in the journey '{part.journey}', which no file declares"
                yield each.problem(("takes_part", index, "journey"), message, nearest(part.journey, known))


def _entries(read: Sequence[Read], entries: Sequence[Read]) -> Iterator[Problem]:
    if not entries:
        message = "no service is the entry: nobody says `entry: true`"
        yield read[0].problem(("service",), message, "say it in one of the files, or add --entry SERVICE")
    for each in entries[1:]:
        message = f"'{each.name}' is the entry, and so is '{entries[0].name}' in {entries[0].place('service')}"
        yield each.problem(("entry",), message, "choose one by --entry")


def _service(each: Read, target: Path) -> JsonValue:
    """The service as it is written, its paths seen from the new file."""
    content = _mapping(each.document.content)
    service = {key: value for key, value in content.items() if key not in _OWN}

    def seen(path: JsonValue) -> JsonValue:
        there = Path(os.path.relpath(each.path.resolve().parent / str(path), target.resolve().parent))
        return there.as_posix()

    run = service.get("run")
    if isinstance(run, dict):
        moved: Object = {**run, "cwd": seen(run.get("cwd", "."))}
        if isinstance(paths := run.get("path"), list):
            moved["path"] = [seen(path) for path in paths]
        if isinstance(templates := run.get("files"), dict):
            moved["files"] = {name: seen(template) for name, template in templates.items()}
        service["run"] = moved
    openapi = service.get("openapi")
    if isinstance(openapi, str) and not openapi.startswith("/"):
        service["openapi"] = seen(openapi)
    return service


def _edges(each: Read) -> Iterator[JsonValue]:
    needs = _mapping(each.document.content).get("needs")
    for needed in needs if isinstance(needs, list) else []:
        yield {"from": each.name, **_mapping(needed)}


def _stores(read: Sequence[Read], whole: Object) -> Object:
    """All stores; of one that several declare, the databases of all."""
    joined: Object = dict(_under(whole, "stores"))
    for each in read:
        for name, value in _under(each.document.content, "stores").items():
            before = _mapping(joined.get(name))
            databases = [*_listed(before.get("databases")), *_listed(_mapping(value).get("databases"))]
            kept = {**before, **_mapping(value)}
            joined[name] = kept | ({"databases": list(dict.fromkeys(map(str, databases)))} if databases else {})
    return joined


def _journeys(read: Sequence[Read], whole: Object) -> Object:
    """All journeys, each with whoever takes part in it."""
    joined: Object = {name: dict(_mapping(value)) for name, value in _under(whole, "journeys").items()}
    for each in read:
        for name, value in _under(each.document.content, "journeys").items():
            joined[name] = dict(_mapping(value))
    for each in read:
        for part in each.spec.takes_part:
            journey = dict(_mapping(joined[part.journey]))
            names = [*_listed(journey.get(_LIST_OF[part.need])), each.name]
            joined[part.journey] = journey | {_LIST_OF[part.need]: list(dict.fromkeys(map(str, names)))}
    return joined


def _proved(content: Object, read: Sequence[Read], target: Path) -> str:
    """The text, proved sound; what is wrong with it is told with the file that it comes from."""
    text = MARK + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    document = parse_yaml(text, file=str(target))
    try:
        resolve(document, validated(document, System), root=target.resolve().parent)
    except DeclarationError as error:
        sources = ", ".join(str(each.path) for each in read)
        problems = [
            Problem(place=each.place, message=f"joined from {sources}: {each.message}", remedy=each.remedy)
            for each in error.problems
        ]
        raise DeclarationError(problems) from error
    return text


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _under(value: JsonValue, key: str) -> Mapping[str, JsonValue]:
    return _mapping(_mapping(value).get(key))


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
