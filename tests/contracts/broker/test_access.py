from __future__ import annotations

import pytest

from harness.contracts.broker.access import PASSWORD, TOKEN, USERNAME, access
from harness.errors import HarnessError


def test_a_token_goes_into_the_header_and_nowhere_else() -> None:
    found = access("https://broker.example.org/", {TOKEN: "sesame"})

    assert found.url == "https://broker.example.org"
    assert found.headers == {"Authorization": "Bearer sesame"}
    assert "sesame" not in repr(found)
    assert found.redact("you sent sesame") == "you sent [secret]"


def test_a_name_and_a_password_are_sent_as_basic_and_taken_out_of_what_is_told() -> None:
    found = access("http://broker", {USERNAME: "anna", PASSWORD: "sesame"})

    assert found.headers == {"Authorization": "Basic YW5uYTpzZXNhbWU="}
    assert found.redact("Basic YW5uYTpzZXNhbWU= sesame") == "Basic [secret] [secret]"


def test_without_variables_nothing_is_sent() -> None:
    assert access("http://broker", {}).headers == {}


def test_secrets_in_the_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(HarnessError, match="PACT_BROKER_USERNAME") as caught:
        access("https://anna:sesame@broker.example.org", {})
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("url", ["broker.example.org", "ftp://broker", "http://", "http://broker?x=1", "file:///etc"])
def test_what_is_no_address_of_a_broker_is_refused(url: str) -> None:
    with pytest.raises(HarnessError, match="expected the URL of a Pact Broker"):
        access(url, {})


def test_two_ways_at_once_are_refused() -> None:
    with pytest.raises(HarnessError, match="unset one"):
        access("http://broker", {TOKEN: "a", USERNAME: "b"})
