"""Compose files of any size, made of the keys that real ones have: what reading is measured with."""

from collections.abc import Iterator

BIG_FILES = {f"read-{services}": services for services in (57, 500, 2000, 5000)}
"""Rows about reading, and how many services their file has."""
NETWORKS = ("edge", "back")
PER_VOLUME = 4
"""Every so many services one has a volume of its own."""


def big_compose(services: int) -> str:
    """A valid Compose file with so many services, about 1 kB each; the same text for the same number.

    Each service has what a typical one in the field has: an image with a variable, environment, ports, mounts, a health
    check, edges to earlier services, labels, limits and logging through an anchor.
    """
    lines = [
        "x-logging: &logging",
        "  driver: json-file",
        '  options: {max-size: "10m", max-file: "3"}',
        "services:",
    ]
    for number in range(services):
        lines += _service(number)
    lines += ["networks:", *(f"  {name}: {{}}" for name in NETWORKS), "volumes:"]
    lines += [f"  data{number}: {{}}" for number in range(0, services, PER_VOLUME)]
    return "\n".join(lines) + "\n"


def _service(number: int) -> Iterator[str]:
    yield f"  svc{number}:"
    yield f'    image: "${{REGISTRY:-registry.example.com}}/shop/svc{number % 17}:1.{number % 9}.0"'
    yield f'    command: ["serve", "--port", "{3000 + number % 1000}", "--workers", "4"]'
    yield "    restart: unless-stopped"
    yield "    logging: *logging"
    yield "    environment:"
    yield f"      SERVICE_NAME: svc{number}"
    yield '      LOG_LEVEL: "${LOG_LEVEL:-info}"'
    yield f"      DATABASE_URL: postgres://app:app@svc0:5432/app{number}"
    yield "      CACHE_SIZE: 128"
    yield '      DEBUG: "false"'
    yield "      TZ:"
    yield f'    ports: ["127.0.0.1:{10000 + number % 50000}:8080"]'
    yield "    expose: [8080, 9090]"
    yield "    volumes:"
    if number % PER_VOLUME == 0:
        yield f"      - data{number}:/var/lib/app"
    yield f"      - ./config/svc{number}:/etc/app:ro"
    yield "    tmpfs: /run"
    yield from _edges(number)
    yield "    networks:"
    yield "      back:"
    yield f"        aliases: [svc{number}.internal]"
    if number % 10 == 0:
        yield "      edge:"
    yield "    healthcheck:"
    yield '      test: ["CMD", "wget", "-qO-", "http://localhost:8080/health"]'
    yield "      interval: 10s"
    yield "      timeout: 3s"
    yield "      retries: 5"
    yield "    labels:"
    yield f"      com.example.team: team{number % 5}"
    yield f"      com.example.tier: {'data' if number % PER_VOLUME == 0 else 'web'}"
    yield "    ulimits: {nofile: {soft: 1024, hard: 65536}}"
    yield "    mem_limit: 256m"
    yield "    cpus: 0.5"
    yield "    stop_grace_period: 20s"
    yield '    user: "1000:1000"'
    yield "    cap_drop: [ALL]"
    yield "    read_only: true"


def _edges(number: int) -> Iterator[str]:
    if number:
        yield "    depends_on:"
        for other in sorted({0, number // 2} - {number}):
            yield f"      svc{other}: {{condition: service_started}}"
