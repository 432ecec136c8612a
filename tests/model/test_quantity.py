import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from harness.model.quantity import Duration, Share


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [
        ("250ms", 0.25, "250 ms"),
        ("1.5 s", 1.5, "1.5 s"),
        ("2m", 120, "2 min"),
        ("1h", 3600, "60 min"),
        ("0s", 0, "0 s"),
    ],
)
def test_durations_are_read_and_shown_with_their_unit(text: str, seconds: float, shown: str) -> None:
    assert Duration.parse(text) == seconds
    assert str(Duration.parse(text)) == shown


@pytest.mark.parametrize("text", ["1", 1, 1.5, None, "", "s", "-1s", "1 fortnight", "1s2s"])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        Duration.parse(text)


@pytest.mark.parametrize(
    ("text", "share", "shown"), [("5%", 0.05, "5%"), ("99.95 %", 0.9995, "99.95%"), ("0%", 0, "0%")]
)
def test_shares_are_read_and_shown_in_per_cent(text: str, share: float, shown: str) -> None:
    assert Share.parse(text) == pytest.approx(share)
    assert str(Share.parse(text)) == shown


@pytest.mark.parametrize("text", ["101%", "5", 0.05, "-1%", None])
def test_what_is_no_share_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="expected a percentage"):
        Share.parse(text)


@given(st.integers(min_value=1, max_value=999))
def test_what_is_shown_is_read_again(milliseconds: int) -> None:
    duration = Duration(milliseconds / 1000)
    assert Duration.parse(str(duration)) == pytest.approx(duration)


def test_a_bare_number_in_a_file_is_a_validation_error() -> None:
    with pytest.raises(ValidationError, match="expected a duration"):
        TypeAdapter(Duration).validate_json("1")
    assert TypeAdapter(Duration).json_schema()["type"] == "string"
