"""Signatures, held against the example that Standard Webhooks publishes."""

from __future__ import annotations

import pytest

from harness.notify.signature import key_of, signed
from harness.notify.unsent import Unsent

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NAME = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'


def test_the_published_example_has_the_published_signature() -> None:
    headers = signed(key_of(SECRET), name=NAME, timestamp_s=1614265330, body=BODY)

    assert headers == {
        "webhook-id": NAME,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize(
    ("secret", "name", "timestamp_s", "body"),
    [
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx", NAME, 1614265330, BODY),
        (SECRET, "msg_other", 1614265330, BODY),
        (SECRET, NAME, 1614265331, BODY),
        (SECRET, NAME, 1614265330, BODY + b" "),
    ],
)
def test_a_signature_proves_the_secret_the_name_the_time_and_the_body(
    secret: str, name: str, timestamp_s: int, body: bytes
) -> None:
    true = signed(key_of(SECRET), name=NAME, timestamp_s=1614265330, body=BODY)["webhook-signature"]
    other = signed(key_of(secret), name=name, timestamp_s=timestamp_s, body=body)["webhook-signature"]

    assert other != true


def test_a_secret_without_a_prefix_is_taken_letter_by_letter() -> None:
    assert key_of("a plain one, long enough") == b"a plain one, long enough"


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("too short", "its secret has 9 bytes, and 16 are the least"),
        ("whsec_c2hvcnQ=", "its secret has 5 bytes, and 16 are the least"),
        ("whsec_***", "its secret begins with whsec_, and what follows is no base64"),
    ],
)
def test_a_secret_that_is_no_use_is_refused_and_not_shown(secret: str, why: str) -> None:
    with pytest.raises(Unsent) as refused:
        key_of(secret)

    assert refused.value.why == why
