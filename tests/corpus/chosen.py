"""Which real projects are started, and what makes each of them worth it."""

from msgspec import Struct


class Chosen(Struct, frozen=True):
    """A project's number in the corpus, the profiles that its own .env would activate, and what it has of its own."""

    number: str
    covers: str
    profiles: tuple[str, ...] = ()


_RAILS_PROFILES = ("postgres", "redis", "assets", "web", "worker", "cable")

CHOSEN = (
    Chosen("001", "a chain of health checks, YAML anchors, a user"),
    Chosen("006", "labels, a health check switched off, UDP ports"),
    Chosen("010", "extends from nine files, one-shots, shm_size, extra_hosts"),
    Chosen("012", "group_add, a network of its own, TLS mounts"),
    Chosen("019", "env_file, six networks, two of them internal"),
    Chosen("024", "one-shots, long mounts, entry points"),
    Chosen("028", "profiles that stay off, network_mode, init"),
    Chosen("036", "a secret from a file, expose"),
    Chosen("050", "configs, links with an alias, host names"),
    Chosen("062", "one-shots behind health checks, a shared environment"),
    Chosen("069", "ulimits, nine services on one port each way, TCP and UDP"),
    Chosen("070", "read-only root file systems, tmpfs, env_file"),
    Chosen("073", "volumes_from"),
    Chosen("083", "four health checks that two services wait for"),
    Chosen("085", "logging options, init, a numeric user, host names"),
    Chosen("092", "a subnet with fixed addresses, dns, sysctls, the host's network, capabilities"),
    Chosen("109", "profiles, deploy.resources, tty, stop_grace_period", _RAILS_PROFILES),
    Chosen("111", "a subnet with fixed addresses, container_name"),
    Chosen("128", "an external volume, cap_add"),
    Chosen("150", "fourteen services behind one health check, logging"),
)
