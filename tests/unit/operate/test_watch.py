"""``watch`` on the fake engine: what it does with containers, and that it goes on whatever fails."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.engine.port import ExecResult
from boxship.events import Event, FilesFollowed, Notice
from boxship.operate.request import UpRequest
from boxship.operate.up import bring_up
from boxship.operate.watch import WatchRequest, watch
from boxship.operate.watch_rules import rules_of
from boxship.spec.model import Appliance, Build, Dependency
from boxship.spec.model_hooks import Develop, LifecycleHook, WatchRule
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.unit.plan.given import appliance, service

DOCKERFILE = "FROM scratch\n"


class Desk:
    """A developer's folder, an appliance that runs, and everything that was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.engine = FakeEngine(self.clock)
        self.engine.add_image("img:1")
        self.events: list[Event] = []
        self.interrupt = asyncio.Event()
        (folder / "src").mkdir()
        (folder / "Dockerfile").write_text(DOCKERFILE)

    def made(self, *rules: WatchRule) -> Appliance:
        web = service("web", image=None, build=Build(self.folder), develop=Develop(rules))
        mail = service("mail", depends_on={"web": Dependency(restart=True)})
        return replace(appliance(web, mail, service("cron", "web")), directory=self.folder)

    async def up(self, wanted: Appliance) -> None:
        result = await bring_up(
            wanted, self.engine, lambda _: None, self.clock, UpRequest(), self.interrupt, sysctl_root=Path("/none")
        )
        assert result.outcome.is_complete

    async def watch(self, wanted: Appliance, *batches: Sequence[str]) -> list[FilesFollowed]:
        rules = rules_of(wanted, wanted.services.values())

        async def changes() -> AsyncIterator[frozenset[str]]:
            for batch in batches:
                yield frozenset(str(self.folder / name) for name in batch)

        request = WatchRequest(rules, "test")
        await watch(wanted, self.engine, self.events.append, self.clock, request, changes(), self.interrupt)
        return [event for event in self.events if isinstance(event, FilesFollowed)]

    def write(self, name: str, text: str = "x") -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def id_of(self, name: str) -> str:
        return next(each.id for each in self.engine.world.containers.values() if each.name == name)

    def files_of(self, name: str) -> dict[str, str]:
        container = next(each for each in self.engine.world.containers.values() if each.name == name)
        return {place: file.content.reveal() for place, file in container.files.items()}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "desk").mkdir()
    return Desk(tmp_path / "desk")


SYNC = WatchRule("src", "sync", "/app")


async def test_changed_files_reach_the_container_and_deleted_ones_leave_it(desk: Desk) -> None:
    wanted = desk.made(SYNC)
    await desk.up(wanted)
    before = desk.id_of("app.web")
    desk.write("src/a.py", "new")
    desk.write("src/lib/b.py", "folder")
    desk.engine.exec_results["rm", "-rf", "--", "/app/gone"] = ExecResult(0, "")
    (told,) = await desk.watch(wanted, ["src", "src/a.py", "src/lib", "src/gone"])
    assert desk.files_of("app.web") == {"/app/a.py": "new", "/app/lib/b.py": "folder"}
    assert "run_exec app.web" in desk.engine.calls
    assert (told.service, told.did, told.error) == ("web", "synced 2 files, deleted 1 file", "")
    assert desk.id_of("app.web") == before


async def test_what_is_copied_belongs_to_the_user_of_the_container(desk: Desk) -> None:
    made = desk.made(SYNC)
    wanted = replace(made, services={**made.services, "web": replace(made.services["web"], user="33:44")})
    await desk.up(wanted)
    desk.write("src/a.py")
    await desk.watch(wanted, ["src/a.py"])
    (container,) = [each for each in desk.engine.world.containers.values() if each.name == "app.web"]
    assert (container.files["/app/a.py"].uid, container.files["/app/a.py"].gid) == (33, 44)


async def test_watching_begins_with_what_is_to_be_there_at_first_and_says_so(desk: Desk) -> None:
    wanted = desk.made(replace(SYNC, initial_sync=True))
    await desk.up(wanted)
    desk.write("src/a.py")
    (told,) = await desk.watch(wanted, [])
    assert told.did == "synced 1 file"
    assert [event.text for event in desk.events if isinstance(event, Notice)] == [
        "watching 1 path for web (^C ends it)"
    ]


async def test_a_restart_starts_the_same_container_again(desk: Desk) -> None:
    wanted = desk.made(replace(SYNC, action="sync+restart"))
    await desk.up(wanted)
    before = desk.id_of("app.web")
    desk.write("src/a.py")
    desk.engine.calls.clear()
    (told,) = await desk.watch(wanted, ["src/a.py"])
    assert told.did == "synced 1 file, started again"
    changes = [call for call in desk.engine.calls if call.startswith(("stop", "start", "write"))]
    assert changes == ["write_archive app.web", "stop_container app.web", "start_container app.web"]
    assert desk.id_of("app.web") == before


async def test_a_command_runs_after_the_sync_and_its_failure_is_told_with_what_it_said(desk: Desk) -> None:
    hook = LifecycleHook(("sh", "-c", "echo no such config; exit 3"))
    wanted = desk.made(replace(SYNC, action="sync+exec", exec=hook))
    await desk.up(wanted)
    desk.write("src/a.py")
    (told,) = await desk.watch(wanted, ["src/a.py"])
    assert "exited 3" in told.error
    assert told.output == ("no such config",)


async def test_a_rebuild_replaces_the_container_and_who_asks_to_follow_it_and_nobody_else(desk: Desk) -> None:
    wanted = desk.made(WatchRule(".", "rebuild"))
    await desk.up(wanted)
    before = {name: desk.id_of(f"app.{name}") for name in ("web", "mail", "cron")}
    old = next(image.id for image in desk.engine.world.images.values() if "app/web:latest" in image.tags)
    desk.write("src/a.py")
    (told,) = await desk.watch(wanted, ["src/a.py"])
    assert told.did == "rebuilt, and runs its new image"
    after = {name: desk.id_of(f"app.{name}") for name in ("web", "mail", "cron")}
    assert {name for name in before if before[name] != after[name]} == {"web", "mail"}
    assert old not in desk.engine.world.images


async def test_nobody_is_started_by_a_rebuild_who_was_not_there(desk: Desk) -> None:
    wanted = desk.made(WatchRule(".", "rebuild"))
    await desk.up(replace(wanted, services={"web": wanted.services["web"]}))
    desk.write("src/a.py")
    await desk.watch(wanted, ["src/a.py"])
    assert set(desk.engine.running) == {"app.web"}


async def test_a_failing_build_is_told_and_the_next_change_is_followed(desk: Desk) -> None:
    wanted = desk.made(WatchRule("Dockerfile", "rebuild"))
    await desk.up(wanted)
    before = desk.id_of("app.web")
    desk.write("Dockerfile", "FROM scratch\nRUN false\n")
    (failed,) = await desk.watch(wanted, ["Dockerfile"])
    assert "could not be built" in failed.error
    assert desk.id_of("app.web") == before
    desk.write("Dockerfile", "FROM scratch\nENV A=1\n")
    *_, made = await desk.watch(wanted, ["Dockerfile"])
    assert (made.error, made.restarted) == ("", True)
    assert desk.id_of("app.web") != before


async def test_what_does_not_run_is_told(desk: Desk) -> None:
    desk.write("src/a.py")
    wanted = desk.made(SYNC)
    (told,) = await desk.watch(wanted, ["src/a.py"])
    assert (told.error, told.hint) == ("web does not run, so the change did not reach it", "boxship up -d starts it")


async def test_an_image_without_rm_is_told_and_gets_what_is_new(desk: Desk) -> None:
    wanted = desk.made(SYNC)
    await desk.up(wanted)
    desk.write("src/a.py")
    desk.engine.exec_results["rm", "-rf", "--", "/app/gone"] = ExecResult(127, "rm: not found\n")
    (told,) = await desk.watch(wanted, ["src/gone", "src/a.py"])
    assert "/app/a.py" in desk.files_of("app.web")
    assert "what was deleted here could not be deleted there: rm: not found" in told.error


async def test_after_an_interrupt_nothing_more_is_followed(desk: Desk) -> None:
    wanted = desk.made(SYNC)
    await desk.up(wanted)
    desk.write("src/a.py")
    desk.interrupt.set()
    assert len(await desk.watch(wanted, ["src/a.py"], ["src/a.py"])) == 1
