"""Which ports of the host an appliance has for its page and its API."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.errors import ConflictError, HostError, UsageError
from boxship.host.box_ports import BoxPorts, choose_ports, kept_ports

OTHERS = {"shop": BoxPorts(), "till": BoxPorts(8484, 8485)}


def test_the_first_has_the_usual_ones_and_the_next_the_next_that_are_free() -> None:
    assert choose_ports(None, None, None, {}) == BoxPorts(8480, 8481)
    assert choose_ports(None, None, None, OTHERS) == BoxPorts(8482, 8483)
    assert choose_ports(None, None, None, {**OTHERS, "more": BoxPorts(9000, 8483)}) == BoxPorts(8486, 8487)


def test_what_an_appliance_had_stays_unless_another_is_named() -> None:
    had = BoxPorts(8490, 8491)
    assert choose_ports(had, None, None, OTHERS) == had
    assert choose_ports(had, 9000, None, OTHERS) == BoxPorts(9000, 8491)
    assert choose_ports(None, 8482, None, OTHERS) == BoxPorts(8482, 8487)


@pytest.mark.parametrize(
    ("page", "api", "sentence", "option"),
    [
        (8480, None, "port 8480 of this host is that of the page of the appliance shop", "--page-port"),
        (8485, None, "port 8485 of this host is that of the API of the appliance till", "--page-port"),
        (None, 8481, "port 8481 of this host is that of the API of the appliance shop", "--api-port"),
    ],
)
def test_a_named_port_of_another_is_refused_with_its_name(
    page: int | None, api: int | None, sentence: str, option: str
) -> None:
    with pytest.raises(ConflictError, match=sentence) as caught:
        choose_ports(None, page, api, OTHERS)
    assert caught.value.hint == f"name another: -- {option} PORT"


def test_page_and_api_are_two_ports() -> None:
    with pytest.raises(UsageError, match="port 9000 is to be the page's and the API's"):
        choose_ports(None, 9000, 9000, OTHERS)


@given(st.integers(1, 12))
def test_however_many_there_are_no_two_share_a_port(number: int) -> None:
    others: dict[str, BoxPorts] = {}
    for each in range(number):
        others[f"a{each}"] = choose_ports(None, None, None, others)
    assert len({port for each in others.values() for port in (each.page, each.api)}) == 2 * number


def test_what_is_kept_is_read_and_damage_is_told(tmp_path: Path) -> None:
    assert kept_ports(tmp_path) == {}
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/ports").write_text(f"{BoxPorts(8482, 8483)}\n")
    assert kept_ports(tmp_path) == {"shop": BoxPorts(8482, 8483)}
    (tmp_path / "shop/ports").write_text("8482\n")
    with pytest.raises(HostError, match=r"shop/ports doesn't hold two ports"):
        kept_ports(tmp_path)
