"""What gc leaves on a real box because the appliance says so."""

from pathlib import Path

import pytest

from tests.integration.loaders import free_ports, loader_box
from tests.integration.small_releases import make_small_releases

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(180)]

APPLIANCE = "bxtest-keep"
VERSIONS = ("1.0.0", "2.0.0", "3.0.0", "4.0.0")


def test_an_earlier_release_stays_as_a_whole_and_the_one_before_goes(tmp_path: Path, test_image: str) -> None:
    releases, home = tmp_path / "releases", tmp_path / "box"
    home.mkdir()
    make_small_releases(releases, APPLIANCE, free_ports(1)[0], test_image, VERSIONS, "keep: {releases: 1}\n")
    with loader_box(APPLIANCE, home) as box:
        assert box.ask("POST", "/v1/registry", {"registry": f"dir:{releases}"})[0] == 200
        for version in VERSIONS:
            box.to(version)
        foreseen = box.get("/v1/gc")
        assert sorted(foreseen["kept"].values()) == [
            "2.0.0 is one of the earlier releases that stay (1, keep.releases)",
            "3.0.0 is what can be gone back to, with generation 3",
            "4.0.0 is current, with generation 4",
        ]
        assert len(foreseen["releases"]) == 1
        assert box.over(box.begin("/v1/gc"))["status"] == "done"
        assert {name.rpartition(".")[2] for name in box.volumes()} == {"g3", "g4"}
        releases.rename(tmp_path / "away")
        back = box.switch("2.0.0", allow_downgrade=True)
        assert back["status"] == "done", back
        assert box.boot()["tag"] == "2.0.0"
        assert box.ask("POST", "/v1/switch", {"version": "1.0.0", "allow_downgrade": True})[0] == 404
