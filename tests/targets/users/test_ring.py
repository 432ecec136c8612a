from __future__ import annotations

import pytest
from kit.trouble import Unavailable
from users.ring import CUSTOMER_LIFE_S, LEAST_ROTATE_S, SPARE_S, Ring, SigningKey

ROTATE_S = 400.0
LEAD_S = 45.0
LIFE_S = CUSTOMER_LIFE_S + SPARE_S


def made(*times: float) -> tuple[SigningKey, ...]:
    return tuple(SigningKey(f"k{number}", bytes([number]) * 32, at) for number, at in enumerate(times, 1))


def test_a_ring_without_keys_wants_one_and_signs_nothing() -> None:
    ring = Ring(ROTATE_S)
    assert ring.due(0.0)
    with pytest.raises(Unavailable, match="not read yet"):
        ring.signer(0.0)
    with pytest.raises(Unavailable, match="not read yet"):
        ring.published()


@pytest.mark.parametrize(
    ("now", "signer", "due"),
    [
        *((0.0, "k1", False), (399.9, "k1", False), (400.0, "k1", False), (444.9, "k1", False)),
        *((445.0, "k2", False), (799.9, "k2", False), (800.0, "k2", True)),
    ],
)
def test_a_new_key_is_published_for_a_while_before_it_signs(now: float, signer: str, *, due: bool) -> None:
    first, second = made(0.0, ROTATE_S)
    ring = Ring(ROTATE_S, [second, first] if now >= ROTATE_S else [first])
    assert ring.lead_s == LEAD_S
    assert (ring.signer(now).kid, ring.due(now)) == (signer, due)


def test_an_old_key_is_published_as_long_as_tokens_signed_by_it_live() -> None:
    first, second = made(0.0, ROTATE_S)
    ring = Ring(ROTATE_S, [first, second])
    signs_until = ROTATE_S + LEAD_S
    assert ring.signer(signs_until - 0.1) is first
    assert ring.retired(signs_until + LIFE_S) == []
    assert ring.retired(signs_until + LIFE_S + 0.1) == [first]


def test_the_only_key_is_never_retired() -> None:
    assert Ring(ROTATE_S, made(0.0)).retired(1e9) == []


def test_keys_turn_over_no_faster_than_others_can_follow() -> None:
    ring = Ring(0.1)
    assert (ring.rotate_s, ring.lead_s) == (LEAST_ROTATE_S, LEAST_ROTATE_S / 4)
    now, most = 0.0, 0
    while now < 3600:
        if ring.due(now):
            ring.keys = [*ring.keys, SigningKey.new(now)]
        ring.keys = [key for key in ring.keys if key not in ring.retired(now)]
        most = max(most, len(ring.keys))
        now += 10
    assert most <= 20


def test_what_is_published_holds_no_private_key() -> None:
    key = SigningKey.new(0.0)
    text = Ring(ROTATE_S, [key]).published().model_dump_json()
    assert key.public.x in text
    assert key.seed.hex() not in text
    assert '"d"' not in text


def test_two_keys_made_at_the_same_time_stay_in_the_same_order_everywhere() -> None:
    one, two = made(5.0, 5.0)
    assert Ring(ROTATE_S, [one, two]).signer(100.0) is Ring(ROTATE_S, [two, one]).signer(100.0)
