"""Who is told of a run, and by what: `notify:` in a description."""

from __future__ import annotations

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from harness.model.declared import Declared, Name
from harness.model.notice import Notice, Occasion

MOST_CHANNELS = 8
MOST_ROLES = 16
_PLACE = re.compile(r"\{([^{}]*)\}")
_IN_A_LINK = re.compile(r"run|env\.[A-Za-z_][A-Za-z0-9_]*")
_TOLD_OF = (Occasion.START, Occasion.GUARD, Occasion.END)


class Hidden(Declared):
    """Where a secret is; it never stands in the description itself."""

    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    """The variable of the environment that holds it."""
    file: Annotated[str, Field(min_length=1)] | None = None
    """The file that holds it and nothing else, relative to the description."""

    @model_validator(mode="before")
    @classmethod
    def _no_secret_itself(cls, value: object) -> object:
        if isinstance(value, str):
            message = "what is secret never stands here; say where it is: {env: NAME} or {file: PATH}"
            raise ValueError(message)  # noqa: TRY004 -- pydantic takes a ValueError for a problem of the file
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            message = "expected either 'env' or 'file', not both and not none"
            raise ValueError(message)
        return self

    def __str__(self) -> str:
        """`the variable HOOK_SECRET`, `the file hook.secret`."""
        return f"the variable {self.env}" if self.env is not None else f"the file {self.file}"


class Webhook(Declared):
    """Where a notice is posted, signed as Standard Webhooks says."""

    url: str | None = None
    """An address with nothing secret in it."""
    hidden_url: Hidden | None = None
    """The address, where knowing it is all it takes to post there."""
    secret: Hidden
    """What the notice is signed with."""

    @field_validator("url")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        if value is not None:
            if problem := address_problem(value):
                raise ValueError(problem)
            if urlsplit(value).query:
                message = "an address with a '?' may hold a secret; give it as hidden_url: {env: NAME}"
                raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.hidden_url is None):
            message = "expected either 'url' or 'hidden_url', not both and not none"
            raise ValueError(message)
        return self


class Channel(Declared):
    """One way to tell people."""

    name: Name
    """By which it is told of; its address is not shown."""
    webhook: Webhook | None = None
    apprise: Hidden | None = None
    """Addresses as Apprise understands them, separated by blanks: mail, chat, SMS, and a hundred others."""
    when: Annotated[tuple[Occasion, ...], Field(min_length=1)] = _TOLD_OF
    roles: Annotated[tuple[Name, ...], Field(max_length=MOST_ROLES)] = ()
    """Whom it reaches; with none, everybody."""

    @field_validator("when", mode="before")
    @classmethod
    def _known(cls, value: object) -> object:
        if not isinstance(value, list):
            return value
        for each in value:
            if each not in _TOLD_OF:
                message = f"expected {', '.join(_TOLD_OF[:-1])} or {_TOLD_OF[-1]}, found {each!r}"
                raise ValueError(message)
        return tuple(Occasion(each) for each in value)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.webhook is None) == (self.apprise is None):
            message = "expected either 'webhook' or 'apprise', not both and not none"
            raise ValueError(message)
        return self

    def takes(self, notice: Notice) -> bool:
        """Whether this notice is for those whom it reaches."""
        for_them = not self.roles or not notice.roles or not {*self.roles}.isdisjoint(notice.roles)
        return notice.occasion in {*self.when, Occasion.TRIAL} and for_them


class Notify(Declared):
    """Whom to tell, and where they can read on."""

    link: Annotated[str, Field(max_length=500)] = ""
    """Where reports will be found; `{run}` and `{env.NAME}` are filled in."""
    to: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=MOST_CHANNELS)]

    @field_validator("link")
    @classmethod
    def _known_places(cls, value: str) -> str:
        for name in _PLACE.findall(value):
            if not _IN_A_LINK.fullmatch(name):
                message = f"{{{name}}} can't stand in a link; expected {{run}} or {{env.NAME}}"
                raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [channel.name for channel in self.to]
        for name in names:
            if names.count(name) > 1:
                message = f"the channel '{name}' stands here twice, and could not be told from itself"
                raise ValueError(message)
        return self


def together(common: Notify | None, own: Notify | None) -> Notify | None:
    """Whom both name. A channel of the second takes the place of one of the same name, and so does its link."""
    if common is None or own is None:
        return own or common
    names = {channel.name for channel in own.to}
    others = (channel for channel in common.to if channel.name not in names)
    return Notify(link=own.link or common.link, to=(*others, *own.to))


def address_problem(url: str) -> str:
    """Why nothing can be posted there, without showing it; empty when it can."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or any(each.isspace() for each in url):
        return "expected an address as https://hooks.example.org/game-days"
    if parts.username is not None or parts.password is not None:
        return "an address of a webhook holds no name and no password; what is sent is signed instead"
    return ""
