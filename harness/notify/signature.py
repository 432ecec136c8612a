"""How a posted notice is signed: HMAC-SHA256 of its name, its time and its body, as Standard Webhooks says.

See https://www.standardwebhooks.com: there are libraries in every language that prove such a signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from harness.notify.unsent import Unsent

PREFIX = "whsec_"
"""Before a secret that is written in base64, as the libraries want it; one without is taken letter by letter."""
LEAST_SECRET_BYTES = 16
"""A shorter one can be found by trying."""


def key_of(secret: str) -> bytes:
    """The bytes to sign with; raises Unsent when they are no use."""
    key = secret.encode()
    if secret.startswith(PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            raise Unsent(f"its secret begins with {PREFIX}, and what follows is no base64") from None
    if len(key) < LEAST_SECRET_BYTES:
        raise Unsent(f"its secret has {len(key)} bytes, and {LEAST_SECRET_BYTES} are the least")
    return key


def signed(key: bytes, *, name: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The headers that go with a body: whose it is, when it was sent, and the proof of both."""
    content = b".".join((name.encode(), str(timestamp_s).encode(), body))
    digest = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {"webhook-id": name, "webhook-timestamp": str(timestamp_s), "webhook-signature": f"v1,{digest}"}
