"""How services are fuzzed: `contracts/fuzz.yaml`, checked against a topology."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.declare.validate import nearest, validated
from harness.declare.yaml import Document, Path_, read_yaml
from harness.errors import DeclarationError, Problem
from harness.model.fuzzing import FUZZER_CHECKS, FuzzSettings, HostileCheck, ServiceFuzz, placeholders
from harness.model.topology import Topology

FUZZ = "fuzz.yaml"
_OPERATION = re.compile(r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE) /\S*")
_PLACEHOLDER = re.compile(r"(secret\.[a-z][a-z0-9-]*|env\.[A-Za-z_][A-Za-z0-9_]*)")
_CHECKS = (*FUZZER_CHECKS, *HostileCheck)


def load_fuzz(directory: Path, topology: Topology) -> FuzzSettings:
    """The settings of a content folder; the default profile when it has no such file.

    Raises:
        DeclarationError: with every problem found.
    """
    file = directory / FUZZ
    if not file.exists():
        return FuzzSettings()
    document = read_yaml(file)
    settings = validated(document, FuzzSettings)
    problems = list(_problems(document, settings, topology))
    if problems:
        raise DeclarationError(problems)
    return settings


def _problems(document: Document, settings: FuzzSettings, topology: Topology) -> Iterator[Problem]:
    if settings.another:
        yield from _headers(document, ("another", "headers"), settings.another.headers)
    for name, service in settings.services.items():
        at: Path_ = ("services", name)
        if name not in topology.system.services:
            remedy = nearest(name, topology.system.services)
            yield document.problem(at, f"'{name}' is no service", remedy, key=True)
        yield from _headers(document, (*at, "headers"), service.headers)
        if service.another:
            yield from _headers(document, (*at, "another", "headers"), service.another.headers)
        yield from _operations(document, at, service)
        for check in service.checks_off:
            if check not in _CHECKS:
                message = f"no check is called '{check}'"
                yield document.problem((*at, "checks_off", check), message, nearest(check, _CHECKS), key=True)


def _operations(document: Document, at: Path_, service: ServiceFuzz) -> Iterator[Problem]:
    named: list[tuple[Path_, str]] = [((*at, "examples", each), each) for each in service.examples]
    named += [((*at, "leave_out", each), each) for each in service.leave_out]
    named += [((*at, "private", index), each) for index, each in enumerate(service.private)]
    for path, operation in named:
        if not _OPERATION.fullmatch(operation):
            message = f"expected a method and a path, as in 'GET /products/{{sku}}', found '{operation}'"
            yield document.problem(path, message, key=True)
    for operation, example in service.examples.items():
        for name in example.path:
            if f"{{{name}}}" not in operation:
                message = f"'{operation}' has no '{{{name}}}' in its path"
                yield document.problem((*at, "examples", operation, "path", name), message, key=True)
    for index, operation in enumerate(service.private):
        if operation in service.leave_out:
            message = f"'{operation}' is left out, so nobody would see whether it is private"
            yield document.problem((*at, "private", index), message, "keep one")


def _headers(document: Document, at: Path_, headers: Mapping[str, str]) -> Iterator[Problem]:
    for header, text in headers.items():
        for name in placeholders(text):
            if not _PLACEHOLDER.fullmatch(name):
                message = f"{{{name}}} can't stand here; expected {{secret.NAME}} or {{env.NAME}}"
                yield document.problem((*at, header), message)
