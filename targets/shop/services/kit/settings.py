"""What a service is told by its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where a service listens, who it is, and the addresses of what it depends on."""

    service: str
    host: str = "127.0.0.1"
    port: int = 8000
    instance: str = ""
    zone: str = "a"
    env: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, service: str, env: Mapping[str, str] | None = None) -> Settings:
        """Read `PORT`, `HOST`, `INSTANCE`, `ZONE`; the rest of the environment is kept for the addresses."""
        env = os.environ if env is None else env
        return cls(
            service=service,
            host=env.get("HOST", "127.0.0.1"),
            port=int(env.get("PORT", "8000")),
            instance=env.get("INSTANCE", f"{service}-1"),
            zone=env.get("ZONE", "a"),
            env=dict(env),
        )

    def urls(self, provider: str) -> tuple[str, ...]:
        """The addresses of a provider's instances, from `PROVIDER_URLS`, separated by commas."""
        text = self.env.get(f"{provider.upper()}_URLS", "http://127.0.0.1:9")
        return tuple(url.strip().rstrip("/") for url in text.split(",") if url.strip())

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
