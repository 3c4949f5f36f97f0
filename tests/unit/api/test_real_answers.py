"""What a real Loader answers at every route is what is described, however it goes for the box."""

from collections.abc import Mapping

import httpx
import pytest

from boxship.api.app import ROUTES
from boxship.api.description import problems_of
from boxship.api.route import Route
from tests.unit.api.real_box import Life, RealBox, real_box

BODIES: Mapping[str, tuple[dict[str, object], ...]] = {
    "set_registry": ({"registry": "elsewhere"},),
    "switch": ({"version": "1.0", "allow_downgrade": True}, {"version": "1.2"}, {"version": "9.9"}),
    "pull": ({}, {"version": "1.2"}, {"version": "9.9"}),
    "boot": ({}, {"target": "maintenance"}, {"target": "nowhere"}),
    "set_maintenance": ({"on": True}, {"on": False}),
    "gc": ({"dry_run": True}, {}),
    "heartbeat": ({"within_s": 5, "note": "at work"},),
    "create_token": ({"name": "anna", "scopes": ["read"]}, {"name": "anna", "scopes": ["everything"]}),
}
"""What is sent; an empty object where nothing is said."""
PARTS: Mapping[str, tuple[str, ...]] = {
    "target": ("current", "nowhere"),
    "name": ("web", "nobody"),
    "registry:path": ("registry.example.com/shop",),
    "id": ("0123",),
}


async def ask(real: RealBox, method: str, path: str, body: object = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {real.secret}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(real.api), base_url="http://box") as client:
        return await client.request(method, path, headers=headers, json=body)


def paths_of(route: Route) -> list[str]:
    for part, values in PARTS.items():
        if f"{{{part}}}" in route.path:
            return [route.path.replace(f"{{{part}}}", value) for value in values]
    return [route.path]


@pytest.mark.parametrize("life", list(Life))
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_every_status_is_one_that_is_described(route: Route, life: Life) -> None:
    described = {answer.status for answer in route.answers} | set(problems_of(route))
    for path in paths_of(route):
        for body in BODIES.get(route.name, ({},)) if route.body is not None else (None,):
            async with real_box(life) as real:
                answer = await ask(real, route.method, path, body)
            assert answer.status_code in described, (path, body, answer.text)


async def test_everything_that_speaks_against_a_switch_is_in_the_operation() -> None:
    async with real_box(Life.DEPLOYED) as real:
        real.bench.world.copier.missing = 2**30
        for image in ("app/db:1.2", "app/web:1.2"):
            await real.bench.world.engine.remove_image(image)
        begun = await ask(real, "POST", "/v1/switch", {"version": "1.2"})
        assert begun.status_code == 202
        operation = real.box.operation(begun.json()["id"])
        await real.bench.over(real.box, operation)
        told = (await ask(real, "GET", begun.headers["location"])).json()
    assert (told["status"], told["failure"]["code"]) == ("failed", "precondition.failed")
    against = [text for key, text in told["result"].items() if key.startswith("against.")]
    assert len(against) == 3
    assert any("1 GiB" in text for text in against), against
    assert told["failure"]["message"].endswith("(and 2 more)")
