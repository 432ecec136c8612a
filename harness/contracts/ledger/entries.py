"""What a ledger can hold, one entry a file."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from harness.contracts.ledger.content import canonical_text, digest_of
from harness.model.verdict import Verdict

MAX_WORD = 200
Word = Annotated[str, StringConstraints(min_length=1, max_length=MAX_WORD, pattern=r"^[^\s\x00-\x1f\x7f=]+$")]
"""Names and versions: one word, since they stand in commands."""
Content = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""The digest of a pact's content."""
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")
_SLUG_CHARACTERS = 40
_NAME_DIGITS = 16


class Entry(BaseModel):
    """Something that happened once, and is never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime

    @property
    def about(self) -> str:
        """Whom it concerns, for the name of its file."""
        raise NotImplementedError


class Outcome(BaseModel):
    """How one interaction of a pact was verified."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    interaction: str
    """Its key, see `content.interaction_key`."""
    label: str
    verdict: Verdict
    reason: str = ""


class Verified(Entry):
    """A version of a provider was verified against the content of a pact."""

    entry: Literal["verified"] = "verified"
    consumer: Word
    provider: Word
    version: Word
    """The provider's."""
    branch: str = ""
    content: Content
    owner: str = ""
    """The provider's."""
    outcomes: tuple[Outcome, ...]

    @property
    def about(self) -> str:
        """Consumer and provider."""
        return f"{self.consumer}-{self.provider}"


class Relied(BaseModel):
    """A pact that a version of a consumer has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: Word
    content: Content


class Published(Entry):
    """All pacts of one version of a consumer; none when it says that it relies on nobody."""

    entry: Literal["published"] = "published"
    consumer: Word
    version: Word
    branch: str = ""
    owner: str = ""
    pacts: tuple[Relied, ...]

    @property
    def about(self) -> str:
        """The consumer."""
        return self.consumer


class Placed(Entry):
    """A version came to an environment, or went.

    `deployed` replaces the version that was deployed there before, `released` joins those that are there.
    """

    entry: Literal["deployed", "undeployed", "released", "unreleased"]
    service: Word
    version: Word
    environment: Word

    @property
    def about(self) -> str:
        """The service, and where it went."""
        return f"{self.service}-{self.environment}"


AnyEntry = Annotated[Verified | Published | Placed, Field(discriminator="entry")]
ENTRIES: TypeAdapter[Verified | Published | Placed] = TypeAdapter(AnyEntry)


def document_of(entry: Verified | Published | Placed) -> dict[str, object]:
    """An entry as JSON, what kind it is first."""
    dumped = entry.model_dump(mode="json")
    return {"entry": dumped.pop("entry"), **dumped}


def file_name(entry: Verified | Published | Placed) -> str:
    """Month and name of its file: two entries share one only when they are the same, so that branches never collide."""
    moment = entry.at.strftime("%Y%m%dT%H%M%S.%f")
    digest = digest_of(canonical_text(document_of(entry)))[:_NAME_DIGITS]
    return f"{entry.at:%Y-%m}/{moment}-{entry.entry}-{slug(entry.about)}-{digest}.json"


def slug(text: str) -> str:
    """What of a text can stand in the name of a file."""
    return _UNSAFE.sub("_", text)[:_SLUG_CHARACTERS]
