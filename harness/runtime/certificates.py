"""The certificates of a run with TLS: an authority of its own, whose key nobody keeps, and one for each service."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness.runtime.ports import LOOPBACK

EARLIER = dt.timedelta(hours=1)
"""How long before now a certificate begins to be valid: clocks differ."""
LIFE = dt.timedelta(days=1)
"""How long from now it is valid."""
_OWNER_ONLY = 0o600
_OWNERS_DIRECTORY = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """From when to when a certificate holds."""

    begins: dt.datetime
    ends: dt.datetime

    @classmethod
    def around(cls, now: dt.datetime) -> Self:
        """What a run needs that begins now."""
        return cls(begins=now - EARLIER, ends=now + LIFE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate and its key as PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """Signs for the services of one run; its key is in this object only."""

    def __init__(self, validity: Validity) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("harness: authority of one run")
        public = self._key.public_key()
        builder = _builder(self._name, self._name, public, validity)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())

    @property
    def certificate(self) -> bytes:
        """Its own certificate as PEM: who trusts in it trusts those that it issued."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, service: str, validity: Validity) -> Issued:
        """A certificate for a service on this machine."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.IPAddress(IPv4Address(LOOPBACK)), x509.DNSName("localhost"), x509.DNSName(service)]
        builder = _builder(_name(service), self._name, key.public_key(), validity)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        signed = builder.add_extension(issuer, critical=False).sign(self._key, hashes.SHA256())
        return Issued(
            certificate=signed.public_bytes(serialization.Encoding.PEM),
            key=key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Where the certificates of a run are; they are there once `write` has been called."""

    directory: Path

    @property
    def ca(self) -> Path:
        """The authority's."""
        return self.directory / "ca.pem"

    def certificate(self, service: str) -> Path:
        """A service's."""
        return self.directory / f"{service}.pem"

    def key(self, service: str) -> Path:
        """Its private key, which only the owner of the run may read."""
        return self.directory / f"{service}.key"

    def write(self, services: list[str], now: dt.datetime) -> None:
        """Make an authority, and a certificate for each of the services."""
        self.directory.mkdir(mode=_OWNERS_DIRECTORY, parents=True)
        authority = Authority(Validity.around(now))
        _put(self.ca, authority.certificate)
        for service in services:
            issued = authority.issue(service, Validity.around(now))
            _put(self.key(service), issued.key)
            _put(self.certificate(service), issued.certificate)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, validity: Validity
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(validity.begins).not_valid_after(validity.ends)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _put(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
