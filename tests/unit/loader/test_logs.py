"""The log of a service on a box: all that its containers wrote, and who of them."""

import pytest
from msgspec.structs import replace

from boxship.errors import NotFoundError
from boxship.loader.box import ServiceLine
from boxship.loader.supervisor import Supervisor
from tests.fakes.behaviour import Behaviour, Line
from tests.unit.loader.bench import Bench, version


def scaled(number: str, scale: int) -> Bench:
    bench = Bench()
    made = version(number)
    services = {**made.services, "web": replace(made.services["web"], scale=scale, ports=())}
    bench.world.publish(replace(made, services=services), **{name: each.image or "" for name, each in services.items()})
    return bench


async def lines_of(box: Supervisor, tail: int | None = None) -> list[ServiceLine]:
    return [line async for line in box.logs("web", tail=tail)]


async def test_all_containers_of_a_scaled_service_are_read_and_each_line_says_whose_it_is() -> None:
    bench = scaled("1.0", 3)
    for number in (1, 2, 3):
        name = "app.web.g1" if number == 1 else f"app.web.{number}.g1"
        first, last = Line(f"{number} is up", after_s=number / 10), Line(f"{number} works", after_s=1.0 + number / 10)
        bench.world.engine.script(name, Behaviour(lines=(first, last)))
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.world.clock.sleep(5.0)
        names = ("web", "web.2", "web.3")
        told = [(line.replica, line.text) for line in await lines_of(box)]
        expected = [(name, f"{at} {does}") for does in ("is up", "works") for at, name in enumerate(names, 1)]
        assert told == expected
        assert [(line.replica, line.text) for line in await lines_of(box, tail=1)] == expected[3:]


async def test_the_only_container_needs_no_mark_and_generations_before_are_not_read() -> None:
    bench = Bench()
    bench.world.engine.script("web", Behaviour(lines=(Line("of 1.0"),)))
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        bench.world.engine.script("web", Behaviour(lines=(Line("of 1.1"),)))
        await bench.to(box, "1.1")
        assert [(line.replica, line.text) for line in await lines_of(box)] == [("", "of 1.1")]
        with pytest.raises(NotFoundError, match="no service 'wbe'"):
            box.logs("wbe")


async def test_who_follows_is_not_led_into_another_release() -> None:
    """Its secrets are others than those that are masked for this reader."""
    bench = Bench()
    bench.world.engine.script("web", Behaviour(lines=(Line("of 1.0"),)))
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        bench.world.engine.script("web", Behaviour(lines=(Line("of 1.1"),)))
        reader = box.logs("web", follow=True)
        assert (await anext(reader)).text == "of 1.0"
        await bench.to(box, "1.1")
        assert [line.text async for line in reader] == []
