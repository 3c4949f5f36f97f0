"""Who has a port of this host, and which modules its kernel has."""

import os
import socket
from pathlib import Path

from boxship.host.modules import ModuleState, module_state
from boxship.host.ports import Listener, find_listeners

TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1 0
   2: 0100007F:0050 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 333 1 0
"""
UDP6 = """  sl  local_address remote_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode
   0: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07 0:0 00:0 0 0 0 444 2 0
"""


def fake_proc(folder: Path) -> Path:
    (folder / "net").mkdir()
    for name, text in (("tcp", TCP), ("udp", "header\n"), ("udp6", UDP6)):
        (folder / "net" / name).write_text(text)
    (folder / "42/fd").mkdir(parents=True)
    (folder / "42/fd/3").symlink_to("socket:[111]")
    (folder / "42/comm").write_text("nginx\n")
    return folder


def test_who_listens_is_named_as_far_as_one_may_look(tmp_path: Path) -> None:
    assert find_listeners({80, 53, 8080}, fake_proc(tmp_path)) == (
        Listener("udp", "::1", 53),
        Listener("tcp", "0.0.0.0", 80, 42, "nginx"),
        Listener("tcp", "127.0.0.1", 8080),
    )


def test_a_connection_is_no_listener(tmp_path: Path) -> None:
    assert [each.address for each in find_listeners({80}, fake_proc(tmp_path))] == ["0.0.0.0"]


def test_a_real_socket_is_found_with_its_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (found,) = find_listeners({port})
    assert (found.address, found.pid) == ("127.0.0.1", os.getpid())


def test_a_module_is_loaded_built_in_or_to_be_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "lib/6.1"
    folder.mkdir(parents=True)
    (folder / "modules.builtin").write_text("kernel/net/ipv6/ipv6.ko\n")
    (folder / "modules.dep").write_text("kernel/drivers/nbd-x.ko.xz: kernel/other.ko.xz\n")
    (tmp_path / "sys/overlay").mkdir(parents=True)

    def state(name: str, release: str = "6.1") -> ModuleState:
        return module_state(name, release, tmp_path / "lib", tmp_path / "sys")

    assert state("overlay") is ModuleState.THERE
    assert state("ipv6") is ModuleState.THERE
    assert state("nbd_x") is ModuleState.LOADABLE
    assert state("other") is ModuleState.MISSING
    assert state("ipv6", "6.2") is ModuleState.UNKNOWN
