import json

from boxship.spec.render import to_compose, to_json
from tests.unit.spec.conftest import Read

TEXT = """
    services:
      a:
        image: a:1
        command: ["x", "$$HOME"]
        ports: ["80:8080/udp"]
        volumes: ["data:/d:ro", "/srv:/s"]
        tmpfs: ["/t:size=1m"]
        environment: [UNSET, SET=1]
        healthcheck: {test: x, interval: 90s}
        mem_limit: 1k
        depends_on: [b]
      b: {image: 'b:1', build: ./b, networks: {net: {aliases: [bee]}}}
      c: {image: 'c:1', profiles: [extra], volumes: ['other:/o']}
    networks: {net: {internal: true}, unused: {}}
    volumes: {data: {external: true}, other: {}}
    """


def test_the_active_services_and_what_they_use_in_composes_shape(read: Read) -> None:
    loaded = read(TEXT)
    assert to_compose(loaded) == {
        "name": "shop",
        "services": {
            "a": {
                "image": "a:1",
                "command": ["x", "$HOME"],
                "ports": [{"mode": "ingress", "target": 8080, "published": "80", "protocol": "udp"}],
                "volumes": [
                    {"type": "volume", "source": "data", "target": "/d", "read_only": True},
                    {"type": "bind", "source": "/srv", "target": "/s", "bind": {"create_host_path": True}},
                ],
                "tmpfs": ["/t:size=1m"],
                "environment": {"SET": "1", "UNSET": None},
                "healthcheck": {"test": ["CMD-SHELL", "x"], "interval": "1m30s"},
                "mem_limit": "1024",
                "depends_on": {"b": {"condition": "service_started", "required": True, "restart": False}},
                "networks": {"default": None},
            },
            "b": {
                "image": "b:1",
                "build": {"context": f"{loaded.appliance.directory}/b", "dockerfile": "Dockerfile"},
                "networks": {"net": {"aliases": ["bee"]}},
            },
        },
        "networks": {"net": {"name": "shop_net", "internal": True}, "default": {"name": "shop_default"}},
        "volumes": {"data": {"name": "data", "external": True}},
    }


def test_every_profile_shows_everything(read: Read) -> None:
    rendered = to_compose(read(TEXT, profiles=("*",)))
    services, volumes = rendered["services"], rendered["volumes"]
    assert isinstance(services, dict)
    assert isinstance(volumes, dict)
    assert (list(services), volumes["other"]) == (["a", "b", "c"], {"name": "shop_other"})


def test_our_own_shape_is_json_and_holds_what_compose_cannot(read: Read) -> None:
    files = {"compose.yaml": TEXT, "appliance.yaml": "checks: {a: {tcp: 80}}\nboot: {timeout: 9s}\n"}
    rendered = json.loads(json.dumps(to_json(read(files).appliance)))
    assert rendered["checks"]["a"]["probe"] == {"kind": "TcpProbe", "port": 80}
    assert rendered["boot"]["timeout_s"] == 9.0
    assert rendered["services"]["a"]["mem_limit_bytes"] == 1024
    assert rendered["services"]["a"]["where"]["image"] == "compose.yaml:4:5"
