"""The settings file of one run of Schemathesis."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from harness.model.fuzzing import FUZZER_CHECKS, Example, ServiceFuzz

VARIABLE = "HARNESS_HEADER_"
"""With a number: the values of headers that hold secrets, which are in no file and on no command line."""
WORD_SHARE = 0.15
"""Of generated strings are words of the dictionary: four words at this share found what chance did not."""
EXAMPLE_SHARE = 0.5
"""Of an operation's parameters are its declared examples, so that it gets past 404 half of the time."""
HOSTILE_WORDS = (
    "' OR '1'='1",
    "1; SELECT pg_sleep(0)--",
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
)
# Cache and database remember earlier runs: with them, none is repeatable.
_PROFILE = '[cache]\nenabled = false\n\n[generation]\ndatabase = "none"\n'


def settings_file(settings: ServiceFuzz, secret: Sequence[str], marks: Mapping[str, str]) -> str:
    """As TOML; `secret` are the headers whose values are handed over by the environment."""
    operations = [*_left_out(settings), *_exemplified(settings)]
    return "\n".join(
        [
            _PROFILE,
            *_dictionaries(settings),
            *(f"[checks.{name}]\nenabled = false\n" for name in settings.checks_off if name in FUZZER_CHECKS),
            *operations,
            _sent_along(secret, marks),
        ]
    )


def _dictionaries(settings: ServiceFuzz) -> Iterator[str]:
    words = json.dumps([*HOSTILE_WORDS, *settings.words])
    yield f'[generation.dictionaries]\nstring = {{ dictionary = "words", probability = {WORD_SHARE} }}\n'
    yield f"[dictionaries.words]\nvalues = {words}\n"
    for index, example in enumerate(settings.examples.values()):
        for key, values in _bound(example).items():
            yield f"[dictionaries.{_name(index, key)}]\nvalues = {json.dumps(list(values))}\n"


def _left_out(settings: ServiceFuzz) -> Iterator[str]:
    for operation in settings.leave_out:
        yield f"[[operations]]\ninclude-name = {json.dumps(operation)}\nenabled = false\n"


def _exemplified(settings: ServiceFuzz) -> Iterator[str]:
    for index, (operation, example) in enumerate(settings.examples.items()):
        bound = [
            f'{json.dumps(key)} = {{ dictionary = "{_name(index, key)}", probability = {EXAMPLE_SHARE} }}'
            for key in _bound(example)
        ]
        if bound:
            lines = "\n".join(bound)
            yield f"[[operations]]\ninclude-name = {json.dumps(operation)}\n\n[operations.parameters]\n{lines}\n"


def _bound(example: Example) -> dict[str, tuple[str | int, ...]]:
    parts = (("path", example.path), ("query", example.query))
    return {f"{place}.{name}": values for place, named in parts for name, values in named.items() if values}


def _name(index: int, key: str) -> str:
    return f"example-{index}-" + "".join(char if char.isalnum() else "-" for char in key)


def _sent_along(secret: Sequence[str], marks: Mapping[str, str]) -> str:
    """The settings that send headers along, and keep what stands in them out of the report."""
    # A header that is filtered can't be sent again: no others are than those with our own secrets.
    told = "".join(f"{json.dumps(name)} = {json.dumps(value)}\n" for name, value in marks.items())
    if not secret:
        return "[output.sanitization]\nenabled = false\n" + (f"\n[headers]\n{told}" if told else "")
    filtered = json.dumps([name.lower() for name in secret])
    values = "".join(f'{json.dumps(name)} = "${{{VARIABLE}{index}}}"\n' for index, name in enumerate(secret))
    return (
        f"[output.sanitization]\nenabled = true\nkeys-to-sanitize = {filtered}\n"
        f'sensitive-markers = {filtered}\nreplacement = "***"\n\n[headers]\n{values}{told}'
    )
