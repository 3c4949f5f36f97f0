"""What is there of a deployment, and what of its files isn't."""

from msgspec.structs import replace

from boxship.loader.box import ContainerView
from tests.unit.loader.bench import Bench, version


async def test_every_container_of_the_files_is_listed_and_a_missing_one_says_so() -> None:
    bench = Bench()
    made = version("1.0")
    services = {**made.services, "db": replace(made.services["db"], scale=2)}
    bench.world.publish(replace(made, services=services), **{name: each.image or "" for name, each in services.items()})
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        assert await box.containers() == {
            "app.db.g1": ContainerView("db", "app/db:1.0", "running", is_wanted=True),
            "app.db.2.g1": ContainerView("db", "app/db:1.0", "running", is_wanted=True),
            "app.page.g1": ContainerView("page", "app/web:1.0", "missing", is_wanted=False),
            "app.web.g1": ContainerView("web", "app/web:1.0", "running", is_wanted=True),
        }
        await bench.world.engine.remove_container("app.db.2.g1")
        assert (await box.containers())["app.db.2.g1"] == ContainerView("db", "app/db:1.0", "missing", is_wanted=True)


async def test_another_generation_is_not_listed() -> None:
    bench = Bench()
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.to(box, "1.1")
        assert sorted(await box.containers()) == ["app.db.g2", "app.page.g2", "app.web.g2"]


async def test_what_belongs_to_another_target_is_missing_and_not_wanted() -> None:
    bench = Bench()
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.over(box, await box.boot_target("maintenance", by="test"))
        found = await box.containers()
        assert {name: (view.state, view.is_wanted) for name, view in found.items()} == {
            "app.db.g1": ("missing", False),
            "app.page.g1": ("running", True),
            "app.web.g1": ("missing", False),
        }
