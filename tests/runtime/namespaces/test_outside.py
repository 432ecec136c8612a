from __future__ import annotations

import errno
import os
import socket
import struct

import pytest

from harness.runtime.namespaces.outside import ATTEMPTS_KEPT, Outside, answer_to, read_destination, read_question
from harness.runtime.namespaces.rights import why_not

A, AAAA = 1, 28
SYN = bytes([0x45]) + bytes(15) + bytes([93, 184, 216, 34]) + struct.pack("!HH", 40_000, 443)


def asked(name: str, kind: int = A) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


def test_a_question_is_read_whatever_its_case() -> None:
    question = read_question(asked("Payments.Internal"))
    assert question is not None
    assert (question.name, question.kind) == ("payments.internal", A)


@pytest.mark.parametrize(
    "packet", [b"", b"x" * 12, asked("a")[:-3], struct.pack("!HHHHHH", 7, 0, 2, 0, 0, 0) + b"\0" * 9, b"\xff" * 40]
)
def test_what_is_no_question_is_none(packet: bytes) -> None:
    assert read_question(packet) is None


def test_all_addresses_of_a_name_are_answered() -> None:
    packet = asked("payments")
    question = read_question(packet)
    assert question is not None
    answer = answer_to(packet, question, ["198.19.1.0", "198.19.1.1"])
    number, flags, questions, answers, *_ = struct.unpack_from("!HHHHHH", answer)
    assert (number, flags & 0x800F, questions, answers) == (7, 0x8000, 1, 2)
    assert answer.endswith(socket.inet_aton("198.19.1.1"))


def test_a_known_name_without_such_an_address_is_known_all_the_same() -> None:
    packet = asked("payments", AAAA)
    question = read_question(packet)
    assert question is not None
    _, flags, _, answers, *_ = struct.unpack_from("!HHHHHH", answer_to(packet, question, ["198.19.1.0"]))
    assert (flags & 0xF, answers) == (0, 0)


def test_an_unknown_name_is_refused() -> None:
    packet = asked("api.example")
    question = read_question(packet)
    assert question is not None
    _, flags, _, answers, *_ = struct.unpack_from("!HHHHHH", answer_to(packet, question, []))
    assert (flags & 0xF, answers) == (3, 0)


def test_the_destination_of_a_packet_is_told() -> None:
    assert read_destination(SYN) == "93.184.216.34:443"
    assert read_destination(SYN[:22]) is None
    assert read_destination(b"") is None


@pytest.mark.loopback
def test_what_was_sought_in_vain_is_kept_with_how_often_and_not_without_end() -> None:
    outside = Outside(set())
    with socket.socket(type=socket.SOCK_DGRAM) as ours, socket.socket(type=socket.SOCK_DGRAM) as theirs:
        ours.bind(("127.0.0.1", 0))
        theirs.settimeout(5)
        for name in ("api.example", "payments", "api.example", *(f"x{n}" for n in range(ATTEMPTS_KEPT + 5))):
            theirs.sendto(asked(name), ours.getsockname())
            outside.on_name("orders-1", {"payments": ["198.19.1.0"]}, ours)
            assert theirs.recv(512)[-4:] == (socket.inet_aton("198.19.1.0") if name == "payments" else b"\0\1\0\1")
        sought = outside.of("orders-1")
        assert sought[0] == "the name api.example (2 times)"
        assert sought[1] == "the name x0"
        assert len(sought) == ATTEMPTS_KEPT
        assert outside.of("payments-1") == []
        outside.forget("orders-1")
        assert outside.of("orders-1") == []


@pytest.mark.parametrize(
    ("number", "settings", "told"),
    [
        (errno.EPERM, {"kernel/unprivileged_userns_clone": "0"}, "sysctl -w kernel.unprivileged_userns_clone=1"),
        (
            errno.EACCES,
            {"kernel/apparmor_restrict_unprivileged_userns": "1"},
            "apparmor_restrict_unprivileged_userns=0",
        ),
        (errno.ENOSPC, {"user/max_user_namespaces": "0"}, "sysctl -w user.max_user_namespaces=10000"),
        (errno.ENOSPC, {"user/max_user_namespaces": "5"}, "raise user.max_user_namespaces (5)"),
        (errno.EPERM, {}, "CAP_SYS_ADMIN"),
        (errno.EOPNOTSUPP, {}, "modprobe veth"),
        (errno.EINVAL, {}, "run the harness as root"),
    ],
)
def test_what_is_missing_is_told_with_the_way_out(number: int, settings: dict[str, str], told: str) -> None:
    message = why_not(OSError(number, os.strerror(number), "unshare"), settings.get)
    assert told in message
    assert message.startswith("expected to make network namespaces, found that the kernel refuses (unshare: ")
    assert "'runtime: process'" in message
