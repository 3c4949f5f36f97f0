"""A box's answers for people."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct, convert

from boxship.cli.render.color import BOLD, GREEN, RED, YELLOW, is_colored, paint, sanitized
from boxship.cli.render.columns import print_columns
from boxship.state.deployment import Deployment
from boxship.state.operation import Operation, OperationKind, Progress
from boxship.store.port import AuditChain
from boxship.units import format_duration, format_size

_COLORS = {"ok": GREEN, "degraded": YELLOW, "failed": RED}
_BAR = 24
_DAYS_FROM = 3
"""An age of fewer days is told in hours."""
_GARBAGE = ("containers", "volumes", "networks", "images", "releases")


def bar_line(operation: Operation, width: int) -> str:
    """``pull:  [#####     ]  118 MiB of 362 MiB  web: 40 MiB of 120 MiB``; cut to ``width``, 0: not."""
    progress = operation.progress
    parts = [f"{operation.kind}:"]
    done, total = progress.done_bytes, progress.total_bytes
    if total:
        amount = f"{format_size(done)} of {format_size(total)}"
    else:
        done, total = progress.done_items, progress.total_items
        amount = f"{done} of {total}" if total else ""
    if total:
        filled = _BAR * min(done, total) // total
        parts.append(f"[{'#' * filled}{' ' * (_BAR - filled)}]")
    # The note is the same all the time, so it is what a narrow terminal may cut.
    unpacking = progress.unpacking.text if progress.unpacking is not None else ""
    parts += [amount, _item(progress), unpacking, operation.note or operation.stage]
    line = sanitized("  ".join(part for part in parts if part))
    return line[:width] if width > 0 else line


def _item(progress: Progress) -> str:
    if not progress.item or not progress.item_total_bytes:
        return progress.item
    done, total = format_size(progress.item_done_bytes), format_size(progress.item_total_bytes)
    return f"{progress.item}: {done} of {total}"


def operation_line(operation: Operation) -> str:
    """What came of it, in one or two lines: ``1.1.0 (default) runs, after 4.3 s``."""
    return "\n".join(map(sanitized, _outcome(operation)))


def _outcome(operation: Operation) -> Iterator[str]:
    result = operation.result
    took_s = (operation.ended_at - operation.began_at).total_seconds() if operation.ended_at is not None else 0.0
    match operation.kind:
        case OperationKind.PULL:
            size = format_size(operation.progress.total_bytes)
            yield f"{result.get('version', 'the release')} is here, {size} in {took_s:.1f} s"
        case OperationKind.SWITCH | OperationKind.ROLLBACK if "runs" in result:
            gap = f"; {_unserved(result)} of that" if "downtime_s" in result else ""
            yield f"{result['runs']} runs, after {took_s:.1f} s{gap}"
            if result.get("data", "none") != "none":
                yield f"data: {result['data']}"
        case OperationKind.GC:
            taken = [f"{result[kind]} {kind}" for kind in _GARBAGE if result.get(kind, "0") != "0"]
            yield f"gone: {', '.join(taken)}" if taken else "nothing was left over"
            if "damaged" in result:
                yield f"damaged: {result['damaged']}"
        case _:
            yield f"{operation.kind} is done, after {took_s:.1f} s"


def _unserved(result: Mapping[str, str]) -> str:
    return f"nobody was served for {float(result['downtime_s']):.1f} s"


def back_line(operation: Operation) -> str:
    """What runs after a switch that failed; empty when it isn't known to have been stopped, or didn't come back."""
    runs = operation.result.get("runs")
    if runs is None or "downtime_s" not in operation.result or "not_served" in operation.result:
        return ""
    return sanitized(f"{runs} runs again, with its data as it was before; {_unserved(operation.result)}")


class _Brings(Struct, frozen=True):
    to: Deployment
    loses: str
    data_from_s: float
    data_age_s: float


def rollback_line(answered: object) -> str:
    """``Going back to 1.0 brings its data as of 2026-11-29T09:51:35Z, 3h13m ago. It loses ...``."""
    brings = convert(answered, _Brings)
    at = time_of(datetime.fromtimestamp(brings.data_from_s, UTC))
    age = _age(brings.data_age_s)
    return sanitized(f"Going back to {brings.to.version} brings its data as of {at}, {age}. It loses {brings.loses}.")


def _age(seconds: float) -> str:
    minutes = int(seconds // 60)
    if minutes < 1:
        return "less than a minute ago"
    if minutes < _DAYS_FROM * 24 * 60:
        return f"{format_duration(minutes * 60)} ago"
    return f"{minutes // (24 * 60)} days ago"


def print_operations(operations: Sequence[Operation]) -> None:
    rows = [
        (each.id, each.kind, each.status, time_of(each.began_at), each.asked_by, each.note or each.stage)
        for each in operations
    ]
    print_columns(("ID", "KIND", "STATUS", "BEGAN", "ASKED BY", ""), rows, nothing="no operations yet")


def print_operation(operation: Operation) -> None:
    facts = {
        "kind": operation.kind,
        "status": operation.status,
        "asked by": operation.asked_by,
        "began": time_of(operation.began_at),
        "ended": time_of(operation.ended_at) if operation.ended_at else "",
        "stage": operation.stage,
        "note": operation.note,
        **operation.parameters,
        **operation.result,
    }
    if not operation.status.is_over:
        facts["progress"] = bar_line(operation, 0)
    if operation.failure is not None:
        failure = operation.failure
        facts |= {"failed": failure.message, "asked": failure.check, "got": failure.got, "hint": failure.hint}
    print_facts(facts)


def print_host(said: Mapping[str, object]) -> None:
    booted = said.get("booted_at_s")
    when = time_of(datetime.fromtimestamp(booted, UTC)) if isinstance(booted, int | float) else ""
    ram = said.get("ram_bytes")
    facts = {
        "name": said.get("name", ""),
        "os": said.get("os", ""),
        "kernel": said.get("kernel", ""),
        "engine": said.get("engine", ""),
        "boxship": said.get("boxship", ""),
        "booted": when,
        "cpus": said.get("cpus", ""),
        "ram": format_size(ram) if isinstance(ram, int) else "",
        "addresses": ", ".join(map(str, _items(said.get("addresses")))),
        "can": ", ".join(map(str, _items(said.get("can")))) or "nothing of this from here",
    }
    print_facts(facts)


def print_facts(facts: Mapping[str, object]) -> None:
    """One per line; those without a value are left out."""
    shown = {name: str(value) for name, value in facts.items() if value not in ("", None, (), [])}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        print(f"{paint(name.ljust(width), BOLD, on=is_colored(sys.stdout))}  {sanitized(value)}")


def print_report(report: Mapping[str, object]) -> None:
    """A status as the API gives it."""
    verdict = str(report["verdict"])
    name = f"{report['appliance']} {report['version']}".rstrip()
    print(f"{name} is {paint(verdict, _COLORS.get(verdict, ''), on=is_colored(sys.stdout))}")
    for issue in _maps(report["issues"]):
        print(f"\n{issue['severity']}: {sanitized(str(issue['text']))} [{issue['code']}]")
        if issue.get("suggestion"):
            print(f"  {sanitized(str(issue['suggestion']))}")
    print()
    rows = [
        (str(each["subject"]), str(each["check"]), str(each["level"]), str(each["message"]))
        for each in _maps(report["results"])
    ]
    print_columns(("SUBJECT", "CHECK", "STATE", ""), rows, nothing="no checks")


def print_garbage(garbage: Mapping[str, object]) -> None:
    """One thing per line, as it can be read by programs, too."""
    rows = [(kind, str(name)) for kind in _GARBAGE for name in _items(garbage.get(kind))]
    print_columns(("KIND", "NAME"), rows, nothing="nothing is left over")
    for part, title in (("kept", "STAYS"), ("failures", "CAN'T GO"), ("damaged", "DAMAGED")):
        told = garbage.get(part)
        if isinstance(told, Mapping) and told:
            print()
            print_columns((title, "WHY"), [(str(name), str(why)) for name, why in told.items()], nothing="")


def print_tokens(tokens: object) -> None:
    rows = [
        (
            str(each["id"]),
            str(each["name"]),
            " ".join(map(str, _items(each["scopes"]))),
            "revoked" if each["revoked_at"] else str(each["expires_at"] or "never ends"),
        )
        for each in _maps(tokens)
    ]
    print_columns(("ID", "NAME", "SCOPES", "ENDS"), rows, nothing="no tokens")


def print_audit(entries: object, chain: AuditChain | None) -> None:
    rows = [
        (
            str(each["number"]),
            str(each["at"]),
            str(each["who"]),
            str(each["action"]),
            str(each["subject"]),
            str(each["outcome"]),
        )
        for each in _maps(entries)
    ]
    print_columns(("NUMBER", "AT", "WHO", "ACTION", "SUBJECT", "OUTCOME"), rows, nothing="nothing was asked for yet")
    if chain is None or not chain.newest:
        return
    color, line = (RED, _broken(chain)) if chain.first_wrong else (GREEN, _reach(chain))
    print(f"\n{paint(line, color, on=is_colored(sys.stdout))}\ndigest of entry {chain.newest}: {chain.newest_digest}")


def _broken(chain: AuditChain) -> str:
    return f"entry {chain.first_wrong} was changed or is missing: nothing from there on is proved"


def _reach(chain: AuditChain) -> str:
    """The newest digest is shown with it: whoever notes it elsewhere can tell later that no other chain was made."""
    kept = f"{chain.dropped + 1} to {chain.newest}"
    since = f", since {time_of(chain.since)}" if chain.since is not None else ""
    return f"entries {kept} are kept{since}, and are what was written"


def time_of(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _items(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []


def _maps(value: object) -> list[dict[str, object]]:
    return [each for each in _items(value) if isinstance(each, dict)]
