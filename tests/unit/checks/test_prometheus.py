"""The text for monitors, read back by Prometheus' own parser."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from boxship.checks.prometheus import to_prometheus
from boxship.checks.report import Issue, Level, Report, Result, Severity

BAD = Result(
    name='odd "name"\\', subject="web.2", kind="program", level=Level.FAIL, took_s=0.25,
    values={"program.lag": 2.5}, issue=Issue("check.program", Severity.ERROR, "x"),
)  # fmt: skip
DISKS = tuple(
    Result("disk", "host", "disk", Level.OK, values={"disk_used_ratio": 0.5}, labels={"path": path, "service": "no"})
    for path in ("/", "/srv")
)
SKIPPED = Result("boot", "web", "log", Level.SKIPPED)


def parsed(*results: Result) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Family -> its samples: labels and value."""
    text = to_prometheus(Report("shop", "1.0", 1_700_000_000.5, 1.5, results))
    families = list(text_string_to_metric_families(text))
    assert len(families) == len({each.name for each in families})
    assert [each.type for each in families if each.type != "gauge"] == []
    assert [each.name for each in families if not each.documentation] == []
    found: dict[str, Any] = {each.name: [(sample.labels, sample.value) for sample in each.samples] for each in families}
    return found


def test_the_whole_and_each_check_are_numbers_with_labels() -> None:
    found = parsed(BAD, *DISKS, SKIPPED)
    assert found["boxship_status"] == [({"appliance": "shop", "version": "1.0"}, 2.0)]
    assert found["boxship_status_timestamp_seconds"][0][1] == 1_700_000_000.5
    odd = {"appliance": "shop", "check": 'odd "name"\\', "subject": "web.2", "kind": "program"}
    disk = {"appliance": "shop", "check": "disk", "subject": "host", "kind": "disk"}
    assert found["boxship_check_level"] == [
        ({**odd, "strict": "true"}, 2.0),
        ({**disk, "path": "/", "strict": "true"}, 0.0),
        ({**disk, "path": "/srv", "strict": "true"}, 0.0),
    ]
    assert found["boxship_check_duration_seconds"][0] == (odd, 0.25)
    assert found["boxship_program_value"] == [({**odd, "value": "lag"}, 2.5)]
    assert found["boxship_disk_used_ratio"] == [({**disk, "path": "/"}, 0.5), ({**disk, "path": "/srv"}, 0.5)]


def test_a_family_without_samples_is_not_there() -> None:
    assert set(parsed()) == {
        "boxship_status", "boxship_status_timestamp_seconds", "boxship_status_duration_seconds",
    }  # fmt: skip


@given(st.lists(st.text(max_size=20), min_size=3, max_size=3), st.floats(width=64))
def test_any_name_and_any_number_can_be_read_back(names: list[str], value: float) -> None:
    name, subject, path = (text.replace("\r", "") for text in names)
    result = Result(name, subject, "sql", Level.OK, values={"sql_value": value}, labels={"path": path})
    ((labels, read),) = parsed(result)["boxship_sql_value"]
    assert (labels["check"], labels["subject"], labels["path"]) == (name, subject, path)
    assert read == value or (read != read and value != value)
