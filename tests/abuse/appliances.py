"""Compose files of any size for campaigns: what most appliances have, so that a cycle makes every kind of call."""

from pathlib import Path

IMAGE = "${TEST_IMAGE}"
# Ends at once when it is asked to, without a program more in the container: campaigns don't measure sleep(1).
_RUNS = f'{{image: "{IMAGE}", command: [sleep, "3600"], stop_signal: SIGKILL'


def write_appliance(folder: Path, services: int, *, ports_from: int = 0) -> None:
    """``compose.yaml`` with so many services (3 or more); ``ports_from``: each publishes a port from this one on.

    A database with a volume and a health check, a job that ends and needs it, and services that need both; every
    fifth of them is needed by the four after it.
    """
    lines = [
        "services:",
        f"  db: {_RUNS}, volumes: [data:/data], healthcheck: {{test: [CMD, 'true'], interval: 30s}}}}",
        f"  job: {{image: '{IMAGE}', command: ['true'], depends_on: {{db: {{condition: service_healthy}}}}}}",
    ]
    for number in range(services - 2):
        needs = "job: {condition: service_completed_successfully}, db: {condition: service_healthy}"
        if number % 5:
            needs = f"web{number - number % 5}: {{condition: service_started}}"
        ports = f", ports: ['127.0.0.1:{ports_from + number}:80']" if ports_from else ""
        lines.append(f"  web{number}: {_RUNS}, depends_on: {{{needs}}}{ports}}}")
    (folder / "compose.yaml").write_text("\n".join([*lines, "volumes: {data: {}}", ""]))
