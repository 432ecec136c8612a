"""Headers that are declared for the fuzzing of one service, with their secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from harness.errors import ContractError
from harness.model.credentials import Credentials
from harness.model.fuzzing import ServiceFuzz, with_values


def with_own(credentials: Credentials, settings: ServiceFuzz) -> Credentials:
    """The credentials with the headers that are declared for this service, and their secrets taken out of all."""
    if not settings.headers:
        return credentials
    own = filled(settings.headers, credentials)
    hidden = [own[name] for name, text in settings.headers.items() if own[name] != text]

    def redact(text: str) -> str:
        for each in hidden:
            text = text.replace(each, "***")
        return credentials.redact(text)

    replaced = {name.lower() for name in own}
    kept = {name: value for name, value in credentials.headers.items() if name.lower() not in replaced}
    return replace(credentials, headers={**kept, **own}, redact=redact)


def filled(headers: Mapping[str, str], credentials: Credentials) -> dict[str, str]:
    """Headers with their placeholders filled in.

    Raises:
        ContractError: when there is no such secret or variable.
    """

    def value_of(name: str) -> str:
        kind, _, rest = name.partition(".")
        values = credentials.secrets if kind == "secret" else os.environ
        if rest not in values:
            message = f"fuzz.yaml: {{{name}}} can't be filled in: " + (
                "no part of the system has such a secret" if kind == "secret" else f"{rest} is not in the environment"
            )
            raise ContractError(message)
        return values[rest]

    return {name: with_values(text, value_of) for name, text in headers.items()}
