"""Two boxes on one machine: names, networks, addresses and data are apart, whatever the one does."""

from pathlib import Path

import pytest

from boxship.plan.addresses import parse_block
from tests.integration.loaders import LoaderBox, free_ports, loader_box
from tests.integration.small_releases import make_small_releases

pytestmark = [pytest.mark.docker, pytest.mark.slow]


def volumes_of(box: LoaderBox) -> set[str]:
    return {each.name for each in box.observe().volumes if each.appliance == box.appliance}


def test_two_boxes_of_one_product_live_side_by_side(tmp_path: Path, test_image: str) -> None:
    one_port, two_port = free_ports(2)
    names = ("bxtest-two", "bxtest-two-b")
    for name, port in zip(names, (one_port, two_port), strict=True):
        make_small_releases(tmp_path / name / "releases", name, port, test_image)
    with (
        loader_box(names[0], tmp_path / names[0], None, "--source", f"dir:{tmp_path}/{names[0]}/releases") as one,
        loader_box(names[1], tmp_path / names[1], None, "--source", f"dir:{tmp_path}/{names[1]}/releases") as two,
    ):
        for box in (one, two):
            box.to("1.0.0")
        (one.volume("data.g1") / "mine").write_text("of the first")
        before, running = two.volumes(), two.running()
        one.to("2.0.0")
        assert one.over(one.begin("/v1/rollback"))["status"] == "done"
        assert one.over(one.begin("/v1/gc"))["status"] == "done"
        # The other one has noticed nothing.
        assert (two.volumes(), two.running()) == (before, running)
        assert two.booted()["tag"] == "1.0.0"
        assert not volumes_of(one) & volumes_of(two)
        blocks = [
            block
            for network in one.observe().networks
            if network.appliance in names
            for subnet in network.subnets
            if (block := parse_block(subnet)) is not None
        ]
        assert len(blocks) >= 2
        assert not any(a.overlaps(b) for index, a in enumerate(blocks) for b in blocks[index + 1 :])
