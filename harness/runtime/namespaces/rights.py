"""Why the kernel makes no namespaces here, and the way out; standard library only."""

from __future__ import annotations

import errno
from collections.abc import Callable

CLONE_SYSCTL = "kernel/unprivileged_userns_clone"
APPARMOR_SYSCTL = "kernel/apparmor_restrict_unprivileged_userns"
MOST_USER_SYSCTL = "user/max_user_namespaces"
MOST_NETWORK_SYSCTL = "user/max_net_namespaces"

_WAYS_OUT = {
    (CLONE_SYSCTL, "0"): "the kernel lets only root make user namespaces: sysctl -w kernel.unprivileged_userns_clone=1",
    (
        APPARMOR_SYSCTL,
        "1",
    ): "AppArmor takes the rights in user namespaces away: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    (MOST_USER_SYSCTL, "0"): "no user namespaces are allowed: sysctl -w user.max_user_namespaces=10000",
    (MOST_NETWORK_SYSCTL, "0"): "no network namespaces are allowed: sysctl -w user.max_net_namespaces=10000",
}
_OTHERWISE = "run the harness as root, or say 'runtime: process' and tell services their addresses by env"


def sysctl(name: str) -> str | None:
    """The value of a setting of the kernel; None where it has none."""
    try:
        with open(f"/proc/sys/{name}", encoding="ascii") as file:  # noqa: PTH123 -- pathlib costs a start
            return file.read().strip()
    except OSError:
        return None


def why_not(error: OSError, setting: Callable[[str], str | None] = sysctl) -> str:
    """What is missing, and the way out."""
    what = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    reasons = [way_out for (name, value), way_out in _WAYS_OUT.items() if setting(name) == value]
    if not reasons and error.errno == errno.ENOSPC:
        most = f"user.max_user_namespaces ({setting(MOST_USER_SYSCTL)})"
        most += f" and user.max_net_namespaces ({setting(MOST_NETWORK_SYSCTL)})"
        reasons = [f"all namespaces that are allowed are in use: raise {most}"]
    if not reasons and error.errno in (errno.EOPNOTSUPP, errno.ENODEV):
        reasons = ["the kernel has no veth interfaces: modprobe veth"]
    if not reasons and error.errno in (errno.EPERM, errno.EACCES):
        reasons = ["in a container, let it have CAP_SYS_ADMIN and CAP_NET_ADMIN, or a seccomp profile with unshare"]
    remedy = "; ".join([*reasons, _OTHERWISE] if reasons else [_OTHERWISE])
    return f"expected to make network namespaces, found that the kernel refuses ({what}); {remedy}"
