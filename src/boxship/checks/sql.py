"""A query through a database's own client in its container; nothing of it may write, or wait for a password."""

import math
from collections.abc import Mapping

from boxship.checks.inside import Ran
from boxship.checks.report import Found, Level
from boxship.checks.text import one_line
from boxship.spec.model_checks import SqlProbe

_VALUE_CHARS = 60
_NOT_THERE = frozenset({126, 127})


def client_argv(probe: SqlProbe) -> tuple[str, ...]:
    """The client's command line. Its own options can't be undone by ``arguments``, which stand before them."""
    name = (probe.client, *probe.arguments)
    match probe.client:
        case "psql":
            who = (*_option("--username", probe.user), *_option("--dbname", probe.database))
            plain = ("--no-psqlrc", "--no-password", "--quiet", "--no-align", "--tuples-only", "--field-separator=\t")
            read_only = "--command=SET default_transaction_read_only = on"
            return (*name, *plain, "--set=ON_ERROR_STOP=1", *who, read_only, f"--command={probe.query}")
        case "sqlite3":
            plain = ("-batch", "-bail", "-noheader", "-readonly", "-separator", "\t")
            return (*name, *plain, probe.database or "", probe.query)
        case _:
            # --defaults-extra-file, where a password lives, must be the first.
            who = (*_option("--user", probe.user), *_option("--database", probe.database))
            read_only = "--init-command=SET SESSION TRANSACTION READ ONLY"
            return (*name, "--batch", "--skip-column-names", *who, read_only, f"--execute={probe.query}")


def _option(flag: str, value: str | None) -> tuple[str, ...]:
    return () if value is None else (f"{flag}={value}",)


def judge_sql(probe: SqlProbe, ran: Ran) -> Found:
    """What the client's end and its first value mean."""
    if ran.exit_code in _NOT_THERE:
        return Found(Level.FAIL, f"there is no {probe.client} in the container: {one_line(ran.said)}")
    if ran.exit_code != 0:
        return Found(Level.FAIL, f"{probe.client} exited {ran.exit_code}: {one_line(ran.said)}")
    lines = ran.stdout.splitlines()
    value = lines[0].split("\t")[0].strip() if lines else None
    shown = one_line(value or "", _VALUE_CHARS)
    reason = _misfit(probe, value, shown)
    values = _values(value)
    if reason:
        return Found(Level.FAIL, reason, values=values)
    return Found(Level.OK, shown if value is not None else "no rows", values=values)


def _misfit(probe: SqlProbe, value: str | None, shown: str) -> str:
    """Why the value isn't what is wanted, or ""."""
    if probe.equals is None and probe.at_least is None and probe.at_most is None:
        return ""
    if value is None:
        return "the query gives no row"
    if probe.equals is not None and value != probe.equals:
        return f"the query gives '{shown}', not '{probe.equals}'"
    if probe.at_least is None and probe.at_most is None:
        return ""
    number = _values(value).get("sql_value")
    if number is None:
        return f"the query gives '{shown}', which is no number"
    if probe.at_least is not None and number < probe.at_least:
        return f"the query gives {shown}, less than {probe.at_least:g}"
    if probe.at_most is not None and number > probe.at_most:
        return f"the query gives {shown}, more than {probe.at_most:g}"
    return ""


def _values(value: str | None) -> Mapping[str, float]:
    try:
        number = float(value or "")
    except ValueError:
        return {}
    return {"sql_value": number} if math.isfinite(number) else {}
