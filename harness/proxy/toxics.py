"""What Toxiproxy's toxics take, validated here: some values crash the server, and unknown ones pass in silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, ValidationError, model_validator

from harness.errors import ProxyError
from harness.model.declared import Declared

Stream = Literal["upstream", "downstream"]
"""Upstream carries requests, downstream carries replies."""

Milliseconds = Annotated[int, Field(ge=0, le=86_400_000)]
Amount = Annotated[int, Field(ge=0, le=1 << 50)]
Positive = Annotated[int, Field(ge=1, le=1 << 50)]


class ToxicAttributes(Declared):
    """The attributes of one type of toxic."""

    type: ClassVar[str]


class LatencyAttributes(ToxicAttributes):
    """Delays data; a jitter spreads it evenly to both sides."""

    type = "latency"
    latency: Milliseconds
    jitter: Milliseconds = 0


class BandwidthAttributes(ToxicAttributes):
    """Limits the rate, in KB/s; Toxiproxy dies of a negative one."""

    type = "bandwidth"
    rate: Positive


class SlowCloseAttributes(ToxicAttributes):
    """Delays the closing of the socket."""

    type = "slow_close"
    delay: Milliseconds


class TimeoutAttributes(ToxicAttributes):
    """Drops data and closes after the time-out; never closes when it is 0."""

    type = "timeout"
    timeout: Milliseconds


class SlicerAttributes(ToxicAttributes):
    """Cuts data into small bits (bytes); Toxiproxy dies when the variation reaches the size."""

    type = "slicer"
    average_size: Positive
    size_variation: Amount = 0
    delay: Amount = 0
    """Between bits, in microseconds."""

    @model_validator(mode="after")
    def _bits_have_a_size(self) -> Self:
        if self.size_variation >= self.average_size:
            message = f"expected size_variation below average_size, found {self.size_variation} ≥ {self.average_size}"
            raise ValueError(message)
        return self


class LimitDataAttributes(ToxicAttributes):
    """Closes the connection after so many bytes."""

    type = "limit_data"
    bytes: Amount


class ResetPeerAttributes(ToxicAttributes):
    """Resets the connection after the time-out."""

    type = "reset_peer"
    timeout: Milliseconds = 0


TOXICS: Mapping[str, type[ToxicAttributes]] = {
    attributes.type: attributes
    for attributes in (
        LatencyAttributes,
        BandwidthAttributes,
        SlowCloseAttributes,
        TimeoutAttributes,
        SlicerAttributes,
        LimitDataAttributes,
        ResetPeerAttributes,
    )
}


class ToxicSpec(Declared):
    """A toxic as it is asked for, and as it is read back."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]+$", max_length=200)]
    stream: Stream
    attributes: ToxicAttributes
    toxicity: Annotated[float, Field(ge=0, le=1)] = 1.0

    @property
    def type(self) -> str:
        """Toxiproxy's word for it."""
        return self.attributes.type

    def __str__(self) -> str:
        """The toxic in a line of evidence: `latency downstream latency=1000 jitter=0`."""
        figures = " ".join(f"{name}={value}" for name, value in self.attributes)
        return f"{self.type} {self.stream} {figures}"


def toxic_spec(
    *, name: str, kind: str, stream: str, attributes: Mapping[str, object], toxicity: float = 1.0
) -> ToxicSpec:
    """A validated toxic.

    Raises:
        ProxyError: if Toxiproxy would crash of it, or take it in silence and do nothing.
    """
    known = TOXICS.get(kind)
    if known is None:
        raise ProxyError(f"expected a toxic of {', '.join(TOXICS)}; found {kind!r} for {name}")
    try:
        # Toxiproxy answers with 1 where 1.0 was sent.
        return ToxicSpec.model_validate(
            {
                "name": name,
                "stream": stream,
                "toxicity": float(toxicity),
                "attributes": known.model_validate(dict(attributes)),
            }
        )
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc'])) or kind}: {each['msg']}" for each in error.errors())
        raise ProxyError(f"toxic {name} ({kind}) was not sent, since Toxiproxy would misbehave: {wrong}") from error
