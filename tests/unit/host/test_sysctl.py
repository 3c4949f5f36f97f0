from pathlib import Path

from boxship.host.needs import unmet_needs
from boxship.host.sysctl import apply_settings
from boxship.spec.model import Host


def kernel(root: Path, **values: str) -> Path:
    for name, value in values.items():
        path = root / name.replace("_", "/", 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value)
    return root


def test_a_setting_that_differs_is_set_and_read_back(tmp_path: Path) -> None:
    root = kernel(tmp_path, vm_swappiness="60\n")
    (setting,) = apply_settings({"vm.swappiness": "10"}, root)
    assert (setting.before, setting.now, setting.is_as_wanted) == ("60", "10", True)
    assert (root / "vm/swappiness").read_text() == "10"


def test_a_setting_that_is_as_wanted_is_left_alone_whatever_its_blanks(tmp_path: Path) -> None:
    root = kernel(tmp_path, net_ports="32768\t60999\n")
    (setting,) = apply_settings({"net.ports": "32768 60999"}, root)
    assert setting.is_as_wanted
    assert (root / "net/ports").read_text() == "32768\t60999\n"


def test_a_setting_that_the_kernel_does_not_have_is_named(tmp_path: Path) -> None:
    (missing,) = apply_settings({"vm.nothing": "1"}, kernel(tmp_path, vm_swappiness="60"))
    assert str(missing) == "this host's kernel has no setting vm.nothing, which should be 1"


def test_a_refused_write_is_told_with_the_command_that_would_do_it() -> None:
    # Nobody may write the kernel's version, not even root.
    (setting,) = apply_settings({"kernel.version": "1"})
    assert not setting.is_as_wanted
    assert str(setting).endswith("sudo sysctl -w kernel.version=1")


def test_needs_that_no_machine_has_are_named_and_modest_ones_are_not(tmp_path: Path) -> None:
    many = unmet_needs(Host(ram_bytes=2**60, disk_bytes=2**60, cpus=10_000), tmp_path)
    assert [word in sentence for word, sentence in zip(("RAM", "processors", "free"), many, strict=True)] == [True] * 3
    assert unmet_needs(Host(ram_bytes=1, disk_bytes=1, cpus=1), tmp_path) == ()
