"""What the Loader of another image is asked before it takes over, and what becomes of its answer."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from boxship.cli.loader_check import check_box
from boxship.errors import EngineError, EngineUnreachableError, NotFoundError, StateError
from boxship.host.places import Places, box_places
from boxship.loader.successor import CheckedSuccessor
from boxship.names import LABEL_LOADER, loader_check_name, loader_name
from boxship.plan.action import ContainerSpec, EngineMount
from boxship.spec.model import Service
from boxship.state.deployment import Deployment
from boxship.state.state import State
from boxship.store.opening import open_store
from tests.fakes.behaviour import Behaviour, Line
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine

CHECK = loader_check_name("app")


class Box:
    """A Loader that runs in a container, as sail starts it, and the image of another one."""

    def __init__(self, folder: Path, engine: FakeEngine) -> None:
        self.engine = engine
        self.places: Places = box_places("app", folder / "state", folder / "run")
        self.own, self.new = engine.add_image("platform:1"), engine.add_image("platform:2")
        self.successor = CheckedSuccessor(engine, "app", self.places)

    async def start(self) -> None:
        mounts = (
            EngineMount("bind", "/run/docker.sock", "/var/run/docker.sock"),
            EngineMount("bind", str(self.places.state), str(self.places.state)),
        )
        labels = {LABEL_LOADER: "app"}
        await self.run(ContainerSpec(loader_name("app"), Service("loader"), self.own, mounts=mounts, labels=labels))

    async def run(self, spec: ContainerSpec) -> None:
        created = await self.engine.create_container(spec)
        await self.engine.start_container(created.id)

    def answers(self, status: int, *lines: str) -> None:
        said = tuple(Line(each, "stderr") for each in lines)
        self.engine.script(CHECK, Behaviour(lines=said, exits_after_s=1.0, exit_code=status))

    @property
    def created(self) -> ContainerSpec:
        return self.engine.world.find(CHECK, "look").spec


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    made = Box(tmp_path, FakeEngine(FakeClock()))
    await made.start()
    yield made
    assert set(made.engine.running) == {loader_name("app")}, "what was asked is gone"
    assert len(made.engine.world.containers) == 1


async def test_one_that_would_be_well_has_no_objection(box: Box) -> None:
    box.answers(0, "it could look after app")
    assert await box.successor.objection(box.new) == ""


async def test_one_that_would_not_says_why(box: Box) -> None:
    box.answers(6, "it begins", "error: state.db.copy was written by a newer Boxship", "hint: upgrade")
    assert await box.successor.objection(box.new) == "state.db.copy was written by a newer Boxship"


async def test_one_that_ends_without_a_word_is_told_by_its_status(box: Box) -> None:
    box.answers(9)
    assert await box.successor.objection(box.new) == "it ended with status 9"


async def test_one_that_never_says_anything_is_not_waited_for_for_ever(box: Box) -> None:
    box.engine.script(CHECK, Behaviour())
    hasty = CheckedSuccessor(box.engine, "app", box.places, within_s=0.1)
    assert "did not say within 0.1 s" in await hasty.objection(box.new)


async def test_it_sees_what_a_loader_sees_and_can_write_nothing_of_it(box: Box) -> None:
    specs: list[ContainerSpec] = []

    def look(call: str) -> None:
        if call.startswith("wait_container"):
            specs.append(box.created)

    box.engine.faults.heard = look
    box.answers(0)
    await box.successor.objection(box.new)
    (spec,) = specs
    state = str(box.places.state)
    binds = {each.target: each.read_only for each in spec.mounts if each.kind == "bind"}
    assert binds == {"/run/docker.sock": False, state: True}
    assert (spec.image, spec.network_mode, spec.pid, spec.service.read_only) == (box.new, "host", "host", True)
    assert spec.service.command is not None
    assert spec.service.command[2:] == ("loader", "--state", state, "--run", str(box.places.run), "--check")


async def test_what_a_loader_left_that_was_cut_off_is_in_nobodys_way(box: Box) -> None:
    await box.run(ContainerSpec(CHECK, Service("loader"), box.new))
    box.answers(0)
    assert await box.successor.objection(box.new) == ""


async def test_a_loader_that_does_not_find_its_own_container_says_so(box: Box) -> None:
    other = CheckedSuccessor(box.engine, "other", box.places)
    with pytest.raises(EngineError, match="no container of the Loader of other runs"):
        await other.objection(box.new)


class Memory:
    """A box's folder with what a Loader has written."""

    def __init__(self, folder: Path) -> None:
        self.places = box_places("app", folder, folder)
        self.engine = FakeEngine(FakeClock())

    def write(self, state: State) -> None:
        with closing(open_store(self.places.database, FakeClock())) as store:
            store.save(state)

    async def check(self) -> None:
        await check_box(self.places, self.engine)


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path)


async def test_a_box_that_has_nothing_yet_can_be_looked_after(memory: Memory) -> None:
    await memory.check()
    memory.write(State())
    await memory.check()


async def test_a_release_that_can_not_be_read_is_an_objection(memory: Memory) -> None:
    memory.write(State(current=Deployment(f"sha256:{'a' * 64}", "1.0", "default", 1)))
    with pytest.raises(NotFoundError):
        await memory.check()


async def test_a_state_that_can_not_be_read_is_an_objection(memory: Memory) -> None:
    memory.write(State())
    path = memory.places.database.with_name("state.db.copy")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(StateError, match="is damaged: it doesn't match its checksum"):
        await memory.check()


async def test_an_engine_that_does_not_answer_is_an_objection(memory: Memory) -> None:
    memory.engine.faults.die_after(0)
    with pytest.raises(EngineUnreachableError):
        await memory.check()
