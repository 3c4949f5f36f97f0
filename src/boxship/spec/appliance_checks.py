"""The questions of ``appliance.yaml`` as values: ``checks`` of services, and ``host.checks`` of the machine."""

import re
from collections.abc import Mapping
from pathlib import Path

from boxship.spec.command import split_command
from boxship.spec.fields import Fields
from boxship.spec.model import Check, ExecProbe, HttpProbe, LogProbe, Probe, StatusCheck, TcpProbe
from boxship.spec.model_checks import (
    DISK_LIMITS,
    MEMORY_LIMITS,
    SWAP_LIMITS,
    Bound,
    CertificateProbe,
    HostChecks,
    HttpExpectation,
    Limits,
    ProgramProbe,
    Redirects,
    SqlProbe,
)
from boxship.spec.report import Report
from boxship.spec.scalars import text_of
from boxship.spec.tree import Items, Node, Scalar
from boxship.units import parse_size

_LAST_PORT = 65535
_KINDS = ("http", "tcp", "exec", "log", "sql", "certificate", "program")
_STATUS = re.compile(r"([1-5])xx|([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]+)?) ?%")
_AT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})")


def build_checks(
    section: Fields, entries: Mapping[str, Node], directory: Path, report: Report
) -> tuple[tuple[StatusCheck, Check | None], ...]:
    """Each check, and what a boot waits for because of it; paths are relative to ``directory``."""
    found = (_check(name, section, node, directory, report) for name, node in entries.items())
    return tuple(each for each in found if each is not None)


def _check(
    name: str, section: Fields, node: Node, directory: Path, report: Report
) -> tuple[StatusCheck, Check | None] | None:
    fields, path = section.table(name), section.path(name)
    given = [kind for kind in _KINDS if fields.has(kind)]
    if len(given) != 1:
        asked = " and ".join(given) if given else "nothing"
        report.error(node.where, path, f"the check asks {asked}", f"give exactly one of {', '.join(_KINDS)}")
        return None
    probe = _probe(fields, given[0], directory)
    timeout_s, default = positive(fields, "timeout"), Check(TcpProbe(1)).timeout_s
    timeout_s = default if timeout_s is None else timeout_s
    within_s = positive(fields, "within")
    if probe is None:
        return None
    service = fields.filled("service") or name
    check = StatusCheck(name, service, probe, timeout_s, fields.flag("soft"), node.where)
    gate = None if fields.has("service") else _gate(probe, timeout_s, within_s)
    if gate is None and within_s is not None:
        fields.complain("within", "a boot doesn't wait for this check", "leave it out; timeout bounds one question")
    return check, gate


def _gate(probe: object, timeout_s: float, within_s: float | None) -> Check | None:
    """What a boot waits for: of a service's own name, and answered anew from each start on."""
    match probe:
        case HttpProbe() | TcpProbe() | ExecProbe() | LogProbe(last_s=None):
            return Check(probe, timeout_s, within_s)
        case _:
            return None


def positive(section: Fields, key: str) -> float | None:
    """Seconds, more than none."""
    seconds = section.duration(key)
    if seconds == 0:
        section.complain(key, "no time at all is never enough", "for example 30s")
        return None
    return seconds


def _probe(section: Fields, kind: str, directory: Path) -> Probe | SqlProbe | CertificateProbe | ProgramProbe | None:
    match kind:
        case "http":
            return build_http_probe(section, directory)
        case "tcp":
            return _tcp_probe(section)
        case "exec":
            return _exec_probe(section)
        case "log":
            return _log_probe(section)
        case "sql":
            return _sql_probe(section.table("sql"))
        case "certificate":
            return _certificate_probe(section)
        case _:
            argv = build_argv(section, "program")
            return ProgramProbe(argv) if argv else None


def build_http_probe(section: Fields, directory: Path) -> HttpProbe | None:
    """What stands under ``http``: a URL, or one with what is expected of its answer."""
    inner = section.table("http")
    url = section.text("http") if inner.is_empty() else inner.text("url")
    if url is None or not re.fullmatch(r"https?://[^\s/]+\S*", url) or not _has_good_port(url):
        section.complain("http", f"'{url}' is not a URL", "for example http://web.service:8000/health")
        return None
    expect = HttpExpectation(
        statuses=_statuses(inner),
        body=_pattern(inner, "body"),
        headers=_header_patterns(inner.table("headers"), inner.text_map("headers")),
        redirects=Redirects(inner.text("redirects") or Redirects.ACCEPT),
        ca=directory / ca if (ca := inner.filled("ca")) else None,
        server_name=inner.filled("server_name"),
    )
    _check_redirects(inner, expect)
    return HttpProbe(url, verify_tls=inner.flag("verify_tls") or expect.ca is not None, expect=expect)


def _has_good_port(url: str) -> bool:
    authority = url.split("://", 1)[1].split("/", 1)[0].split("?", 1)[0].rpartition("@")[2]
    port = re.search(r":([^:\]]*)$", authority)
    return port is None or (port[1].isdecimal() and 1 <= int(port[1]) <= _LAST_PORT)


def _check_redirects(section: Fields, expect: HttpExpectation) -> None:
    redirecting = any(low < 400 and high >= 300 for low, high in expect.statuses)
    if redirecting and expect.redirects is not Redirects.ACCEPT:
        says = "followed" if expect.redirects is Redirects.FOLLOW else "refused"
        section.complain("status", f"an answer 3xx is expected, and {says} by 'redirects'", "leave one of them out")


def _statuses(section: Fields) -> tuple[tuple[int, int], ...]:
    node = section.node("status")
    items = node.items if isinstance(node, Items) else (node,) if isinstance(node, Scalar) else ()
    found = []
    for item in items:
        text = text_of(item.value) if isinstance(item, Scalar) else ""
        match = _STATUS.fullmatch(text)
        if match is None:
            section.complain("status", f"'{text}' is no HTTP status", "for example 200, 2xx or 200-204")
            continue
        hundreds, low, high = match.groups()
        found.append((int(hundreds) * 100, int(hundreds) * 100 + 99) if hundreds else (int(low), int(high or low)))
    return tuple(found)


def _header_patterns(section: Fields, texts: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): pattern for name in texts if (pattern := _pattern(section, name)) is not None}


def _pattern(section: Fields, key: str) -> str | None:
    text = section.text(key)
    if text is None:
        return None
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as err:
        section.complain(key, f"'{text[:60]}' is not a regular expression: {err}")
        return None
    return text


def _tcp_probe(section: Fields) -> TcpProbe | None:
    port = section.integer("tcp") or 0
    if not 1 <= port <= _LAST_PORT:
        section.complain("tcp", f"the port {port} is not between 1 and {_LAST_PORT}")
        return None
    return TcpProbe(port)


def _exec_probe(section: Fields) -> ExecProbe | None:
    inner = section.table("exec")
    argv = build_argv(section, "exec") if inner.is_empty() else build_argv(inner, "command")
    codes = tuple(int(text) for text in inner.texts("exit_codes")) or (0,)
    if any(not 0 <= code <= 255 for code in codes):
        inner.complain("exit_codes", "an exit status is between 0 and 255")
    return ExecProbe(argv, codes) if argv else None


def build_argv(section: Fields, key: str) -> tuple[str, ...]:
    """A command as a list, or as text that is split; no shell reads it."""
    text = section.text(key)
    try:
        argv = section.texts(key) if text is None else split_command(text).argv
    except ValueError as err:
        section.complain(key, f"the command {err}", "write it as a list of arguments")
        return ()
    if not argv:
        section.complain(key, "the command is empty")
    return tuple(argv)


def _log_probe(section: Fields) -> LogProbe | None:
    inner = section.table("log")
    at, key = (section, "log") if inner.is_empty() else (inner, "pattern")
    pattern = _pattern(at, key) if at.has(key) else ""
    last_s = positive(inner, "last")
    is_absent = inner.flag("absent")
    if is_absent and last_s is None:
        inner.complain("absent", "no line may match, but since when?", "say how far back to look: last: 10m")
        return None
    return None if pattern is None else LogProbe(pattern, last_s, is_absent)


def _sql_probe(section: Fields) -> SqlProbe | None:
    client, query = section.filled("client"), section.filled("query")
    if client is None or query is None:
        return None
    if client == "sqlite3" and not section.filled("database"):
        section.complain("database", "sqlite3 needs the file of its database", "for example database: /data/app.db")
        return None
    if client == "sqlite3" and section.has("user"):
        section.complain("user", "sqlite3 knows no users", "leave it out")
    return SqlProbe(
        client=client,
        query=query,
        database=section.filled("database"),
        user=section.filled("user"),
        arguments=section.texts("arguments"),
        equals=section.text("equals"),
        at_least=section.number("at_least"),
        at_most=section.number("at_most"),
    )


def _certificate_probe(section: Fields) -> CertificateProbe | None:
    inner = section.table("certificate")
    at = section.text("certificate") if inner.is_empty() else inner.filled("at")
    file = inner.filled("file")
    if (at is None) == (file is None):
        section.complain("certificate", "where is it?", "give either at: web.service:443, or file: /path/in/container")
        return None
    host, port = _host_and_port(section, at) if at is not None else ("", 0)
    default = CertificateProbe()
    warn_s, fail_s = inner.duration("warn"), inner.duration("fail")
    warn_s = default.warn_s if warn_s is None else warn_s
    fail_s = min(default.fail_s, warn_s) if fail_s is None else fail_s
    if fail_s > warn_s:
        inner.complain("warn", "the warning would come after the failure", "warn earlier: warn: 21d, fail: 3d")
    if file is not None and not file.startswith("/"):
        inner.complain("file", f"'{file}' is not an absolute path of the container")
        return None
    if at is not None and not port:
        return None
    return CertificateProbe(file or "", host, port, inner.filled("server_name"), warn_s, fail_s)


def _host_and_port(section: Fields, text: str) -> tuple[str, int]:
    match = _AT.fullmatch(text)
    if match is None or not 1 <= int(match[2]) <= _LAST_PORT:
        section.complain("certificate", f"'{text}' is no host and port", "for example web.service:443")
        return "", 0
    return match[1].strip("[]"), int(match[2])


def build_host_checks(section: Fields) -> HostChecks:
    """What ``status`` asks of the machine."""
    clock, default = section.table("clock"), HostChecks()
    server = clock.filled("server")
    if server is not None and not re.fullmatch(r"[^\s:/]+(:[0-9]{1,5})?|\[[0-9a-fA-F:]+\](:[0-9]{1,5})?", server):
        clock.complain("server", f"'{server}' is no host", "for example time.example.com")
    warn_s, fail_s = positive(clock, "warn"), positive(clock, "fail")
    programs = section.table("programs")
    return HostChecks(
        disk=build_limits(section.table("disk"), DISK_LIMITS),
        memory=build_limits(section.table("memory"), MEMORY_LIMITS),
        swap=build_limits(section.table("swap"), SWAP_LIMITS),
        time_server=server,
        clock_warn_s=default.clock_warn_s if warn_s is None else warn_s,
        clock_fail_s=default.clock_fail_s if fail_s is None else fail_s,
        dns_names=_names(section),
        programs={name: argv for name in section.keys("programs") if (argv := build_argv(programs, name))},
    )


def _names(section: Fields) -> tuple[str, ...]:
    names = section.texts("dns")
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})", name):
            section.complain("dns", f"'{name}' is no host name", "for example registry.example.com")
            return ()
    return names


def build_limits(section: Fields, default: Limits) -> Limits:
    """``{warn: 85%, fail: 1GiB}``: a used share, or what must be left."""
    warn, fail = _bound(section, "warn") or default.warn, _bound(section, "fail") or default.fail
    if warn.used_percent is not None and fail.used_percent is not None and warn.used_percent > fail.used_percent:
        section.complain("warn", "the warning would come after the failure", "for example warn: 85%, fail: 95%")
    if warn.free_bytes is not None and fail.free_bytes is not None and warn.free_bytes < fail.free_bytes:
        section.complain("warn", "the warning would come after the failure", "for example warn: 5GiB, fail: 1GiB")
    return Limits(warn, fail)


def _bound(section: Fields, key: str) -> Bound | None:
    text = section.filled(key)
    if text is None:
        return None
    if match := _PERCENT.fullmatch(text):
        percent = float(match[1])
        if 0 < percent <= 100:
            return Bound(used_percent=percent)
    elif "%" not in text:
        try:
            return Bound(free_bytes=parse_size(text))
        except ValueError:
            pass
    section.complain(
        key, f"'{text}' is neither a share nor a size", "85% is how full it may be, 2GiB what must be left"
    )
    return None
