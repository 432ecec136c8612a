"""The network of a run: nobody else is on it, and nothing leads out of it."""

from __future__ import annotations

import secrets
from ipaddress import IPv4Network

import docker
from docker.errors import APIError
from docker.types import IPAMConfig, IPAMPool

from harness.errors import DeployError
from harness.runtime.docker.places import PREFIX

RANGE = IPv4Network("198.18.0.0/15")
"""Set aside for tests of networks (RFC 2544): nobody's real addresses."""


def make_network(
    api: docker.APIClient, name: str, labels: dict[str, str], *, internal: bool = True, prefix: int = PREFIX
) -> tuple[str, IPv4Network]:
    """Make a network, by default one that leads nowhere else; gives its name and its addresses.

    Raises:
        DeployError: if all of `RANGE` is in use.
    """
    subnets = list(RANGE.subnets(new_prefix=prefix))
    secrets.SystemRandom().shuffle(subnets)
    last = ""
    for subnet in subnets:
        pool = IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))
        try:
            api.create_network(
                name,
                driver="bridge",
                internal=internal,
                check_duplicate=True,
                ipam=IPAMConfig(pool_configs=[pool]),
                labels=labels,
                enable_ipv6=False,
            )
        except APIError as error:
            last = str(error.explanation)
            if "overlap" not in last:
                raise
            continue
        return name, subnet
    raise DeployError(
        f"expected room for a network of a run in {RANGE}, found {len(subnets)} runs there ({last}); "
        "remove those that are over (harness ps, harness down)"
    )
