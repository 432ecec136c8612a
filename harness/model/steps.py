"""What a customer does, request by request, as it is declared without Python."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, JsonValue, model_validator

from harness.model.declared import Declared, HeaderName, Name
from harness.model.quantity import Duration, Share

STEPS_LIMIT = 200
"""Steps of one journey."""

BODY_LIMIT_BYTES = 1 << 20
"""Of one request that is declared."""

NO_TIME = Duration(0)
ALWAYS = Share(1)

UNIQUE = "uuid"
"""`{uuid}`, and `{uuid.WORD}` for further ones: drawn for the visit, the same in all its steps."""
CUSTOMER = "customer"
"""`{customer}`: a word of the visit's own, such as `c4f09a1b2d3e`."""


class Variable(Declared):
    """What a name stands for in a visit: a fixed value, or one that is drawn."""

    value: JsonValue = None
    choose: tuple[JsonValue, ...] = ()
    """One of these, each as likely."""
    between: tuple[int, int] | None = None
    """A whole number, both ends included."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = (self.value is not None, bool(self.choose), self.between is not None)
        if sum(ways) != 1:
            message = "expected a value, or one of 'choose: [a, b]' and 'between: [1, 5]'"
            raise ValueError(message)
        if self.between is not None and self.between[0] > self.between[1]:
            message = f"expected the smaller number first, found {list(self.between)}"
            raise ValueError(message)
        return self


class Checks(Declared):
    """What an answer must be for the journey to go on; without `status`, it must be 2xx or 3xx."""

    status: tuple[str, ...] = ()
    """`200`, `2xx`; any of them."""
    equal: Annotated[dict[str, JsonValue], Field(alias="json")] = Field(default_factory=dict)
    """What stands at JSON pointers of the body."""
    has: tuple[str, ...] = ()
    """JSON pointers at which something other than null stands."""
    contains: tuple[str, ...] = ()
    """Texts that stand in the body."""
    type: str | None = None
    """The content type, without its parameters."""


class Sees(Declared):
    """Where in an answer stands what was read: rows with a field each, or single fields at their pointers."""

    rows: str | None = None
    """The pointer of a list: all that there is; what no row names is not there."""
    field: str = ""
    """In each row, what the field is called by."""
    value: str | None = None
    """In each row, its value; without it, that it is there is all that is known."""
    fields: dict[str, str] = Field(default_factory=dict)
    """Field → the pointer of its value; nothing is known of others."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.rows is None) == (not self.fields) or bool(self.field) != (self.rows is not None):
            message = "expected either 'rows' with the 'field' of each, or 'fields'"
            raise ValueError(message)
        return self


class Touch(Declared):
    """What a step reads or writes, for invariants over histories; in its texts `{name}` is filled in."""

    thing: Annotated[str, Field(pattern=r"^[^/{}]+/.+$")]
    """Its kind and which one: `cart/{customer}`."""
    session: str = "{customer}"
    """Whose it is."""
    writes: dict[str, JsonValue] = Field(default_factory=dict)
    """Field → the value that is written, null to remove it."""
    sees: Sees | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.writes and self.sees is None:
            message = "expected 'writes', 'sees', or both"
            raise ValueError(message)
        return self


class Step(Declared):
    """One request of a journey; in its texts `{name}` is filled in."""

    request: str
    """`GET /products/{sku}`: the method and the path; a captured URL may stand in place of the path."""
    name: str | None = None
    """How it is called in reports; the request as it is written, without."""
    headers: dict[HeaderName, str] = Field(default_factory=dict)
    query: dict[str, JsonValue] = Field(default_factory=dict)
    json_body: Annotated[JsonValue, Field(alias="json")] = None
    form: dict[str, JsonValue] = Field(default_factory=dict)
    body: str | None = None
    capture: dict[str, str] = Field(default_factory=dict)
    """A name, and where in the answer its value is: a JSON pointer, or `header NAME`."""
    check: Checks = Checks()
    key: str = ""
    """What identifies the operation, so that checkers find it again; the idempotency key when there is one."""
    touches: Touch | None = None
    """What it reads or writes that invariants speak of."""
    chance: Share = ALWAYS
    """In what share of the visits it is done."""
    think: Duration = NO_TIME
    """How long the customer waits before it."""
    follow: bool = False
    """Whether redirects within the system are followed."""

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        bodies = (self.json_body is not None, bool(self.form), self.body is not None)
        if sum(bodies) > 1:
            message = "expected one of 'json', 'form' and 'body'"
            raise ValueError(message)
        if self.touches is not None and self.follow:
            message = "expected 'touches' at the step that does it, found it together with 'follow'"
            raise ValueError(message)
        return self

    @property
    def method(self) -> str:
        """GET or POST, say."""
        return self.request.partition(" ")[0]

    @property
    def target(self) -> str:
        """The path, with names in it."""
        return self.request.partition(" ")[2]

    @property
    def operation(self) -> str:
        """How the step is called."""
        return self.name or self.request.partition("?")[0]


class StepJourney(Declared):
    """A journey whose steps are declared."""

    weight: Annotated[int, Field(ge=1)] = 1
    deadline: Duration | None = None
    """For each answer; 5 s when it is said nowhere."""
    variables: dict[str, Variable] = Field(default_factory=dict)
    har: str | None = None
    """A recording in place of steps, relative to the file."""
    steps: Annotated[tuple[Step, ...], Field(max_length=STEPS_LIMIT)] = ()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.steps) == (self.har is not None):
            message = "expected either 'steps' or 'har', not both and not none"
            raise ValueError(message)
        return self


class StepsFile(Declared):
    """A whole `journeys.yaml`."""

    variables: dict[str, Variable] = Field(default_factory=dict)
    """Known in all journeys."""
    journeys: Annotated[dict[Name, StepJourney], Field(min_length=1)]


StepJourneys = dict[str, StepJourney]
"""Journeys by their names, each with all its variables and with steps, wherever they came from."""
