"""What a service is told by its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where an instance listens, who it is, and the addresses of what it depends on."""

    service: str
    host: str = "127.0.0.1"
    port: int = 8000
    instance: str = ""
    zone: str = "a"
    version: str = "1.0.0"
    owner: str = ""
    env: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, service: str, env: Mapping[str, str] | None = None) -> Settings:
        """Read `PORT`, `HOST`, `INSTANCE`, `ZONE`, `VERSION`, `OWNER`; all of the environment is kept for the rest."""
        env = os.environ if env is None else env
        return cls(
            service=service,
            host=env.get("HOST", "127.0.0.1"),
            port=int(env.get("PORT", "8000")),
            instance=env.get("INSTANCE", f"{service}-1"),
            zone=env.get("ZONE", "a"),
            version=env.get("VERSION", "1.0.0"),
            owner=env.get("OWNER", service),
            env=dict(env),
        )

    def instances(self, provider: str) -> dict[str, str]:
        """The address of each instance of a provider by its name, from `PROVIDER_INSTANCES`: `name=url,name=url`."""
        text = self.env.get(f"{provider.upper()}_INSTANCES", "")
        found: dict[str, str] = {}
        for number, part in enumerate((part.strip() for part in text.split(",") if part.strip()), 1):
            name, equals, url = part.partition("=")
            name, url = (name, url) if equals and "://" not in name else (f"{provider}-{number}", part)
            found[name] = url.rstrip("/")
        return found

    def number(self, name: str, default: float) -> float:
        """A limit that the environment may set."""
        text = self.env.get(name, "")
        return float(text) if text else default

    @property
    def database_dsn(self) -> str:
        """`postgresql://role:password@host:port/database` of the service's own database."""
        return self.env.get("DATABASE_DSN", "postgresql://127.0.0.1:9/none")

    @property
    def redis_url(self) -> str:
        """`redis://host:port`."""
        return self.env.get("REDIS_URL", "redis://127.0.0.1:9")

    @property
    def bus_url(self) -> str:
        """`nats://host:port`."""
        return self.env.get("BUS_URL", "nats://127.0.0.1:9")

    @property
    def cart_store_urls(self) -> tuple[str, ...]:
        """`nats://user:password@host:port` of each node of the replicated store."""
        text = self.env.get("CART_STORE_URLS") or "nats://127.0.0.1:9"
        return tuple(url.strip() for url in text.split(",") if url.strip())

    @property
    def data_dir(self) -> Path | None:
        """A directory of this run for this instance's files, if it was given one."""
        text = self.env.get("DATA_DIR")
        return Path(text) if text else None

    @property
    def client_secret(self) -> str | None:
        """What the service shows `users` to get its tokens."""
        return self.env.get("CLIENT_SECRET") or None

    @property
    def tls_cert(self) -> str | None:
        """The file with the certificate to serve TLS with; without it, and a key, plain HTTP is served."""
        return self.env.get("TLS_CERT") or None

    @property
    def tls_key(self) -> str | None:
        """The file with the certificate's key."""
        return self.env.get("TLS_KEY") or None

    @property
    def tls_ca(self) -> str | None:
        """The file with the only authority whose certificates are trusted; without it, those that the system trusts."""
        return self.env.get("TLS_CA") or None

    @property
    def operator_token(self) -> str | None:
        """Whoever sends this as bearer token is the operator; without it there is none."""
        return self.env.get("OPERATOR_TOKEN") or None
