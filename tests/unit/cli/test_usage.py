"""The table of what containers use."""

import json

import pytest
from msgspec.structs import replace

from boxship.cli.render.usage import Screen, usage_as_json, usage_lines
from boxship.engine.port import ContainerStats
from boxship.operate.stats import Usage
from boxship.plan.observed import ContainerState, ObservedContainer

MIB = 1 << 20
STATS = ContainerStats(12.345, 64 * MIB, 256 * MIB, 1024, 2048, 0, 3 * MIB, 4)


def usage(service: str, stats: ContainerStats | None) -> Usage:
    return Usage(
        ObservedContainer(f"id-{service}", f"app.{service}", "img:1", "", ContainerState.RUNNING, "app", service), stats
    )


def test_figures_stand_below_each_other_and_what_is_not_known_is_a_dash() -> None:
    rows = [
        usage("web", STATS),
        usage("db", None),
        usage("job", replace(STATS, cpu_percent=None, memory_limit_bytes=0)),
    ]
    assert usage_lines(rows) == [
        "SERVICE     CPU  MEMORY    LIMIT   MEM %  NET IN  NET OUT  READ  WRITTEN  PIDS",
        "web      12.3 %  64 MiB  256 MiB  25.0 %   1 KiB    2 KiB   0 B    3 MiB     4",
        "db            -       -        -       -       -        -     -        -     -",
        "job           -  64 MiB        -       -   1 KiB    2 KiB   0 B    3 MiB     4",
    ]


def test_as_json_each_has_its_figures_with_their_units_or_null() -> None:
    first, second = json.loads(json.dumps(usage_as_json([usage("web", STATS), usage("db", None)])))
    assert (first["service"], first["number"], first["name"], first["state"]) == ("web", 1, "app.web", "running")
    assert first["stats"]["cpu_percent"] == 12.345
    assert first["stats"]["memory_limit_bytes"] == 256 * MIB
    assert second["stats"] is None


def test_where_nothing_can_be_redrawn_blocks_follow_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen() as screen:
        screen.show(["a", "b"])
        screen.show(["c"])
    assert capsys.readouterr().out == "a\nb\n\nc\n\n"
