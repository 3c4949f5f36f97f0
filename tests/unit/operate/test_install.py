from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.errors import ConflictError, HostError
from boxship.host.filelock import FileLock
from boxship.host.installed import Changes
from boxship.host.iptables import find_gate
from boxship.host.own_rules import OwnRules
from boxship.host.places import box_places, read_line, record_loader
from boxship.host.reach import Reach
from boxship.host.reach_rules import Admitted
from boxship.names import LABEL_LOADER_STATE
from boxship.operate.install import Installation, Report, demand_root, install, installation_of, uninstall
from boxship.plan.action import ContainerSpec
from boxship.plan.gated import GatedPort
from boxship.spec.model import Appliance, Host, Service
from boxship.spec.release import Release, ReleaseImage
from tests.fakes.engine import FakeEngine
from tests.fakes.netfilter import FakeNetfilter

ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
WHAT = Installation("share", ONE, {"vm.swappiness": "10"})


class FakeUnits:
    """A systemd that only remembers."""

    def __init__(self, *, is_there: bool = True) -> None:
        self.calls: list[str] = []
        self._is_there = is_there

    def is_there(self) -> bool:
        return self._is_there

    async def begin(self, unit: str, *, again: bool) -> None:
        self.calls.append(f"{'restart' if again else 'start'} {unit}")

    async def stop(self, unit: str) -> None:
        self.calls.append(f"stop {unit}")

    async def reload(self) -> None:
        self.calls.append("reload")


def listing(root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()]


def loader_in(root: Path) -> str:
    return read_line(root / "var/lib/boxship/share/loader")


async def test_the_loader_that_is_to_begin_is_recorded(tmp_path: Path) -> None:
    report = await install(WHAT, FakeUnits(), tmp_path)
    assert loader_in(tmp_path) == ONE
    assert "/etc/sysctl.d/60-boxship-share.conf" in report.changes.written
    assert (tmp_path / "etc/sysctl.d/60-boxship-share.conf").read_text().endswith("\nvm.swappiness = 10\n")


async def test_kernel_settings_stay_where_no_files_are_read_and_go_when_the_files_say_none(tmp_path: Path) -> None:
    file = tmp_path / "etc/sysctl.d/60-boxship-share.conf"
    await install(WHAT, FakeUnits(), tmp_path)
    elsewhere = replace(WHAT, sysctl=None)
    for _ in range(2):
        assert not (await install(elsewhere, FakeUnits(), tmp_path)).is_change
        assert file.read_text().endswith("\nvm.swappiness = 10\n")
    assert (await install(replace(WHAT, sysctl={}), FakeUnits(), tmp_path)).changes.removed == (
        "/etc/sysctl.d/60-boxship-share.conf",
    )
    await install(elsewhere, FakeUnits(), tmp_path)
    assert not file.exists()


async def test_a_box_that_runs_keeps_the_loader_that_it_chose(tmp_path: Path) -> None:
    await install(WHAT, FakeUnits(), tmp_path)
    newer = replace(WHAT, loader=TWO)
    report = await install(newer, FakeUnits(), tmp_path)
    assert (loader_in(tmp_path), report.is_change) == (ONE, False)
    assert f"the Loader that is recorded stays: {ONE}" in report.notes
    await install(newer, FakeUnits(), tmp_path, replace_loader=True)
    assert loader_in(tmp_path) == TWO


async def test_nothing_is_started_in_a_tree_of_files(tmp_path: Path) -> None:
    units = FakeUnits()
    await install(WHAT, units, tmp_path)
    await uninstall("share", None, units, tmp_path)
    assert units.calls == []


async def test_after_uninstall_nothing_is_left_but_what_the_loader_knows(tmp_path: Path) -> None:
    await install(WHAT, FakeUnits(), tmp_path)
    record_loader(box_places("share", tmp_path / "var/lib/boxship/share"), TWO)
    (tmp_path / "var/lib/boxship/share/state.db").write_text("known")
    (tmp_path / "run/boxship/share").mkdir(parents=True)
    (tmp_path / "run/boxship/share/loader.sock").touch()
    (tmp_path / "run/boxship/share/loader.alive").touch()
    report = await uninstall("share", None, FakeUnits(), tmp_path)
    assert sorted(listing(tmp_path)) == ["var/lib/boxship/share/ports", "var/lib/boxship/share/state.db"]
    assert not (tmp_path / "run/boxship").exists()
    assert any("what the Loader knows stays" in note for note in report.notes)


async def test_uninstalling_twice_or_what_was_never_installed_does_nothing(tmp_path: Path) -> None:
    assert await uninstall("share", None, FakeUnits(), tmp_path) == Report(Changes())
    assert listing(tmp_path) == []


async def test_a_sail_that_runs_without_systemd_is_not_pulled_from_under_its_loader(tmp_path: Path) -> None:
    await install(WHAT, FakeUnits(), tmp_path)
    with FileLock(tmp_path / "var/lib/boxship/share/sail.lock") as lock:
        assert lock.try_acquire()
        with pytest.raises(ConflictError, match="the sail of share runs"):
            await uninstall("share", None, FakeUnits(), tmp_path)
    assert loader_in(tmp_path) == ONE


async def test_only_the_containers_of_this_installations_loader_are_removed(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.add_image("platform:1")
    state = str(box_places("share").state)
    for name, label in (("boxship-loader-share", state), ("other", "/srv/emulated"), ("share.web", "")):
        labels = {LABEL_LOADER_STATE: label} if label else {}
        await engine.create_container(ContainerSpec(name, Service(name), "platform:1", labels=labels))
        await engine.start_container(name)
    report = await uninstall("share", engine, FakeUnits(), tmp_path)
    assert report.notes == ("removed the container boxship-loader-share",)
    assert set(engine.running) == {"other", "share.web"}


def test_a_release_says_which_loader_and_which_settings(tmp_path: Path) -> None:
    appliance = Appliance("share", "1.0", tmp_path, host=Host(sysctl={"vm.overcommit_memory": "1"}))
    release = Release("share", "1.0", {}, {}, platform=ReleaseImage("boxship/platform:1", ONE))
    assert installation_of(release).sysctl is None, "its files aren't here yet"
    assert installation_of(release, appliance) == Installation("share", ONE, {"vm.overcommit_memory": "1"})
    with pytest.raises(ConflictError, match=r"release 1\.0 of share has no platform image"):
        installation_of(replace(release, platform=None), appliance)


def test_only_root_installs_on_this_host(tmp_path: Path) -> None:
    demand_root(tmp_path, 1000)
    demand_root(Path("/"), 0)
    with pytest.raises(HostError, match="only root"):
        demand_root(Path("/"), 1000)


async def test_uninstall_opens_the_gate_and_takes_out_the_rules_for_the_loader_and_a_dry_run_leaves_them(
    tmp_path: Path,
) -> None:
    netfilter = FakeNetfilter()
    reach = Reach("share", netfilter, tmp_path / "no-ipv6")
    await reach.admit([Admitted("10.1.0.0/24", "10.1.0.1")], 8481)
    # As a Loader leaves it that is killed in a switch.
    gate = await find_gate("share", netfilter, tmp_path / "no-ipv6")
    await gate.close([GatedPort(80, shows_page=True)], 8480)
    rules = OwnRules("share", netfilter)
    await uninstall("share", None, FakeUnits(), tmp_path, rules=rules, dry_run=True)
    assert netfilter.save("iptables-nft").count(":BOXSHIP") == 4
    report = await uninstall("share", None, FakeUnits(), tmp_path, rules=rules)
    assert "BOXSHIP" not in netfilter.save("iptables-nft")
    opened = "opened the gate, which a Loader had left closed"
    assert (opened, "removed the firewall rules for loader.service") == report.notes


def sail_in(root: Path, appliance: str) -> str:
    return (root / f"usr/local/lib/boxship/{appliance}/sail").read_text()


async def test_a_second_appliance_gets_ports_of_its_own_which_stay_and_are_never_anothers(tmp_path: Path) -> None:
    shop, till = replace(WHAT, appliance="shop"), replace(WHAT, appliance="till")
    await install(WHAT, FakeUnits(), tmp_path)
    report = await install(shop, FakeUnits(), tmp_path)
    assert "its page is at port 8482 of this host, and its API at 8483, from now on" in report.notes
    assert "loader_options=''\n" in sail_in(tmp_path, "share")
    assert "loader_options='--page-port 8482 --api-port 8483'" in sail_in(tmp_path, "shop")
    assert not (await install(shop, FakeUnits(), tmp_path)).is_change
    # The first one ran, and its people know its ports.
    (tmp_path / "var/lib/boxship/share/state.db").touch()
    await uninstall("share", None, FakeUnits(), tmp_path)
    await install(till, FakeUnits(), tmp_path)
    assert "--page-port 8484 --api-port 8485" in sail_in(tmp_path, "till")
    await install(WHAT, FakeUnits(), tmp_path)
    assert read_line(tmp_path / "var/lib/boxship/share/ports") == "8480 8481"


async def test_a_port_of_another_appliance_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    await install(WHAT, FakeUnits(), tmp_path)
    before = listing(tmp_path)
    what = replace(WHAT, appliance="shop", loader_options=("--page-port", "8480"))
    with pytest.raises(ConflictError, match="that of the page of the appliance share"):
        await install(what, FakeUnits(), tmp_path)
    assert listing(tmp_path) == before


async def test_the_loaders_options_stay_when_a_later_installation_names_none(tmp_path: Path) -> None:
    named = replace(WHAT, loader_options=("--source", "dir:/srv/releases", "--page-port", "9000"))
    await install(named, FakeUnits(), tmp_path)
    assert not (await install(WHAT, FakeUnits(), tmp_path)).is_change
    await install(replace(WHAT, loader_options=("--source", "registry.example.com/share")), FakeUnits(), tmp_path)
    # A port that is in use is no option that is forgotten.
    assert "loader_options='--source registry.example.com/share --page-port 9000'" in sail_in(tmp_path, "share")
