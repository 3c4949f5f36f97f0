"""An emulation's folder, and the ports that it gets beside other boxes of the host."""

import asyncio
from pathlib import Path

import pytest

from boxship.errors import ConflictError, UsageError
from boxship.host.places import read_line
from boxship.operate.emulate import Emulation, prepare, remove_emulation
from boxship.operate.install import Installation, install
from tests.fakes.engine import FakeEngine
from tests.unit.operate.test_install import FakeUnits

ONE = f"sha256:{'1' * 64}"
SOCKET = Path("/run/docker.sock")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """Its files; folders of emulations are below it, and have the same paths there."""
    root = tmp_path / "host"
    (root / "var/tmp").mkdir(parents=True)
    return root


async def emulate(host: Path, folder: Path, *options: str) -> Emulation:
    # As the host sees it, the folder is below its root.
    (host / str(folder).lstrip("/")).mkdir(parents=True, exist_ok=True)
    return await prepare(folder.parent.name, folder, ONE, SOCKET, options, host)


def ports_of(folder: Path) -> str:
    return read_line(folder / "state/ports")


def folders(tmp_path: Path, *names: str) -> list[Path]:
    return [tmp_path / name / ".boxship" for name in names]


async def test_each_emulation_of_a_host_has_ports_of_its_own_and_keeps_them(tmp_path: Path, host: Path) -> None:
    one, two = folders(tmp_path, "one", "two")
    assert (await emulate(host, one)).notes == ()
    second = await emulate(host, two)
    assert second.notes == ("its page is at port 8482 of this host, and its API at 8483",)
    assert "loader_options='--page-port 8482 --api-port 8483'" in second.script.read_text()
    for _ in range(2):
        await emulate(host, one)
        await emulate(host, two)
    assert (ports_of(one), ports_of(two)) == ("8480 8481", "8482 8483")


async def test_however_many_begin_at_once_no_two_get_the_same(tmp_path: Path, host: Path) -> None:
    names = [f"a{number}" for number in range(6)]
    those = folders(tmp_path, *names)
    installed = [install(Installation(f"b{number}", ONE, {}), FakeUnits(), host) for number in range(4)]
    await asyncio.gather(*(emulate(host, each) for each in those), *installed)
    kept = [ports_of(each) for each in those] + [read_line(path) for path in host.glob("var/lib/boxship/*/ports")]
    assert len({port for line in kept for port in line.split()}) == 20


async def test_installations_and_emulations_stay_out_of_each_others_way(tmp_path: Path, host: Path) -> None:
    (one,) = folders(tmp_path, "one")
    await install(Installation("shop", ONE, {}), FakeUnits(), host)
    await emulate(host, one)
    await install(Installation("till", ONE, {}), FakeUnits(), host)
    assert (ports_of(one), read_line(host / "var/lib/boxship/till/ports")) == ("8482 8483", "8484 8485")
    with pytest.raises(ConflictError, match="port 8480 of this host is that of the page of the appliance shop"):
        await emulate(host, one, "--page-port", "8480")
    assert ports_of(one) == "8482 8483"


async def test_a_port_that_is_named_is_taken_and_kept(tmp_path: Path, host: Path) -> None:
    (one,) = folders(tmp_path, "one")
    named = await emulate(host, one, "--page-port", "9000")
    assert "loader_options='--page-port 9000'" in named.script.read_text()
    assert "loader_options='--page-port 9000'" in (await emulate(host, one)).script.read_text()
    with pytest.raises(UsageError, match="--page-port web is no port"):
        await emulate(host, one, "--page-port", "web")


async def test_a_copied_folder_gets_others_and_the_first_keeps_its_own(tmp_path: Path, host: Path) -> None:
    one, two = folders(tmp_path, "one", "two")
    await emulate(host, one)
    (two / "state").mkdir(parents=True)
    (two / "state/ports").write_text((one / "state/ports").read_text())
    await emulate(host, two)
    assert (ports_of(one), ports_of(two)) == ("8480 8481", "8482 8483")


async def test_what_is_removed_leaves_its_ports_to_the_next(tmp_path: Path, host: Path) -> None:
    one, two = folders(tmp_path, "one", "two")
    await emulate(host, one)
    await remove_emulation("one", one, FakeEngine(), root=host)
    await emulate(host, two)
    assert ports_of(two) == "8480 8481"


async def test_where_nobody_can_be_told_it_runs_all_the_same_and_says_so(tmp_path: Path) -> None:
    (one,) = folders(tmp_path, "one")
    bare = tmp_path / "bare"
    begun = await prepare("one", one, ONE, SOCKET, (), bare)
    assert ports_of(one) == "8480 8481"
    assert "other emulations can't see which ports this one has" in begun.notes[0]
