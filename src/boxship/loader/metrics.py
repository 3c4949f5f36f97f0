"""What a monitor is told of a box: the checks' report, what runs, and what its operations came to."""

from collections import Counter
from collections.abc import Iterator

from boxship.checks.prometheus import Sample, samples_as_text, to_prometheus
from boxship.loader.box import Box
from boxship.state.operation import Operation

_HELP = {
    "boxship_box_info": "What is deployed; always 1.",
    "boxship_box_ready": "Whether the outside reaches an appliance that is well, and no fallback: 1 yes, 0 no.",
    "boxship_box_fallback": "Whether another target stands in for the one that should run: 1 yes, 0 no.",
    "boxship_box_boot_failures": "Boots that failed in a row since the last good one.",
    "boxship_box_downtime_seconds": "How long the appliance was away in its last switch or rollback.",
    "boxship_box_operations": "Operations that are remembered, by what they were and how they ended.",
}
_KEPT = 500


async def metrics_text(box: Box) -> str:
    """Prometheus' text format (version 0.0.4)."""
    report = await box.status()
    return to_prometheus(report) + samples_as_text(_HELP, _samples(box))


def _samples(box: Box) -> Iterator[Sample]:
    boot, state, operations = box.boot(), box.state(), box.operations(_KEPT)
    mine = {"appliance": boot.appliance}
    yield "boxship_box_info", {**mine, "version": boot.version, "target": boot.target, "boot_id": boot.id}, 1.0
    is_fallback = bool(state.boots.fallen_back_from)
    yield "boxship_box_ready", mine, float(boot.is_ready and not is_fallback)
    yield "boxship_box_fallback", mine, float(is_fallback)
    yield "boxship_box_boot_failures", mine, float(state.boots.failures)
    downtime_s = _last_downtime_s(operations)
    if downtime_s is not None:
        yield "boxship_box_downtime_seconds", mine, downtime_s
    counts = Counter((str(each.kind), str(each.status)) for each in operations)
    for (kind, status), count in sorted(counts.items()):
        yield "boxship_box_operations", {**mine, "kind": kind, "status": status}, float(count)


def _last_downtime_s(newest_first: tuple[Operation, ...]) -> float | None:
    """None when none is remembered."""
    return next((float(each.result["downtime_s"]) for each in newest_first if "downtime_s" in each.result), None)
