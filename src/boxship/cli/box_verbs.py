"""What each verb below ``box`` does: one or two questions, and their answers shown."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, convert

from boxship.cli.box_client import Answered, BoxClient, client_from
from boxship.cli.box_follow import follow
from boxship.cli.context import Invocation
from boxship.cli.dry_run import IS_DRY_RUN
from boxship.cli.meant import appliance_meant, is_told_where
from boxship.cli.render import box as render
from boxship.cli.render.color import sanitized
from boxship.cli.render.columns import print_columns
from boxship.errors import ProbeError, StateError, UsageError
from boxship.state.operation import Operation
from boxship.store.port import AuditChain
from boxship.units import format_duration, parse_duration

_EVENT = "event: "
_DATA = "data: "
_ID = "id: "


class _Chained(Struct, frozen=True):
    """An answer about the audit. None: from a Loader of an earlier release."""

    chain: AuditChain | None = None


def _client(invocation: Invocation, arguments: argparse.Namespace) -> BoxClient:
    name = arguments.project_name
    if name is None and not is_told_where(arguments.socket, arguments.url):
        name = appliance_meant(invocation, Path.cwd())
    return client_from(arguments.socket, arguments.url, arguments.token_file, name, arguments.ca)


def _show(invocation: Invocation, answered: Answered, show: Callable[[Mapping[str, object]], None]) -> int:
    """Always a JSON object; ``show`` is for people."""
    if invocation.is_json:
        print(json.dumps(answered.body))
    elif isinstance(answered.body, dict):
        show(answered.body)
    return 0


# For the verbs that are in modules of their own.
client_of = _client
show_answer = _show


def _begun(invocation: Invocation, arguments: argparse.Namespace, client: BoxClient, answered: Answered) -> int:
    if not arguments.detach:
        return follow(client, answered.body, is_json=invocation.is_json)
    if invocation.is_json:
        print(json.dumps(answered.body))
    else:
        print(answered["id"])
    return 0


def boot(invocation: Invocation, arguments: argparse.Namespace) -> int:
    client = _client(invocation, arguments)
    if arguments.boot_target is None:
        return _show(invocation, client.get("/v1/boot"), render.print_facts)
    return _begun(invocation, arguments, client, client.tell("/v1/boot", {"target": arguments.boot_target}))


def status(invocation: Invocation, arguments: argparse.Namespace) -> int:
    query = {"ignore": ",".join(arguments.ignore)} if arguments.ignore else {}
    query |= {"fresh": "1"} if arguments.fresh else {}
    answered = _client(invocation, arguments).get("/v1/status", query)
    _show(invocation, answered, render.print_report)
    is_bad = answered["verdict"] == "failed" or (arguments.strict and answered["verdict"] != "ok")
    return ProbeError.exit_status if is_bad else 0


def why(invocation: Invocation, arguments: argparse.Namespace) -> int:
    return _show(
        invocation, _client(invocation, arguments).get("/v1/why"), lambda said: print(sanitized(str(said["why"])))
    )


def versions(invocation: Invocation, arguments: argparse.Namespace) -> int:
    client = _client(invocation, arguments)
    path = f"/v1/tags/latest/{arguments.source}" if arguments.source else "/v1/tags/latest"

    def show(said: Mapping[str, object]) -> None:
        running = client.get("/v1/boot")["tag"]
        tags = said["tags"]
        for tag in tags if isinstance(tags, list) else ():
            print(sanitized(f"{tag}  runs" if tag == running else str(tag)))

    return _show(invocation, client.get(path), show)


def pull(invocation: Invocation, arguments: argparse.Namespace) -> int:
    client = _client(invocation, arguments)
    return _begun(invocation, arguments, client, client.tell("/v1/images/pull", {"version": arguments.version or ""}))


def switch(invocation: Invocation, arguments: argparse.Namespace) -> int:
    client = _client(invocation, arguments)
    body: dict[str, object] = {
        "version": arguments.version,
        "target": invocation.target or "",
        "allow_downgrade": arguments.allow_downgrade,
        **_verify(arguments),
    }
    return _begun(invocation, arguments, client, client.tell("/v1/switch", body))


def _verify(arguments: argparse.Namespace) -> dict[str, object]:
    """Only when it was asked for: an earlier Loader doesn't know the word."""
    return {} if arguments.verify is None else {"verify": arguments.verify}


def rollback(invocation: Invocation, arguments: argparse.Namespace) -> int:
    client = _client(invocation, arguments)
    brings = render.rollback_line(client.get("/v1/rollback").body)
    if arguments.yes or IS_DRY_RUN.get():
        print(brings, file=sys.stderr, flush=True)
    else:
        _expect_yes(brings)
    return _begun(invocation, arguments, client, client.tell("/v1/rollback", _verify(arguments)))


def _expect_yes(question: str) -> None:
    """Raises: UsageError unless a person agrees."""
    if not sys.stdin.isatty():
        raise UsageError(question, hint="boxship box rollback --yes agrees to it")
    print(f"{question} Go back? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was done", hint="answer y, or use --yes")


def gc(invocation: Invocation, arguments: argparse.Namespace) -> int:
    client = _client(invocation, arguments)
    if IS_DRY_RUN.get():
        return _show(invocation, client.get("/v1/gc"), render.print_garbage)
    return _begun(invocation, arguments, client, client.tell("/v1/gc"))


def operations(invocation: Invocation, arguments: argparse.Namespace) -> int:
    def show(said: Mapping[str, object]) -> None:
        render.print_operations(convert(said["operations"], list[Operation]))

    query = {"limit": str(arguments.limit)}
    return _show(invocation, _client(invocation, arguments).get("/v1/operations", query), show)


def operation(invocation: Invocation, arguments: argparse.Namespace) -> int:
    client = _client(invocation, arguments)
    answered = client.get(f"/v1/operations/{arguments.id}")
    if arguments.follow:
        return follow(client, answered.body, is_json=invocation.is_json)
    return _show(invocation, answered, lambda said: render.print_operation(convert(said, Operation)))


def cancel(invocation: Invocation, arguments: argparse.Namespace) -> int:
    answered = _client(invocation, arguments).tell(f"/v1/operations/{arguments.id}", method="DELETE")
    return _show(invocation, answered, lambda said: render.print_operation(convert(said, Operation)))


def events(invocation: Invocation, arguments: argparse.Namespace) -> int:
    """Until ^C. Each line of JSON has the id to go on after."""
    lines = _client(invocation, arguments).lines("/v1/events", {"after": arguments.after}, "text/event-stream")
    number = ""
    for line in lines:
        if line.startswith(_ID):
            number = line.removeprefix(_ID)
        elif line.startswith(_DATA) and line != "data: {}":
            data = json.loads(line.removeprefix(_DATA))
            print(json.dumps({"id": number, **data}) if invocation.is_json else _event_text(data), flush=True)
    return 0


def _event_text(data: Mapping[str, object]) -> str:
    words = ("subject", "phase", "action", "text", "message", "cause", "detail", "item")
    said = " ".join(str(data[word]) for word in words if data.get(word))
    return sanitized(f"{data.get('event', 'gap')}  {said}".rstrip())


def logs(invocation: Invocation, arguments: argparse.Namespace) -> int:
    query = {} if arguments.tail is None else {"tail": str(arguments.tail)}
    if arguments.follow:
        query["follow"] = "1"
    path = f"/v1/services/{arguments.service}/logs"
    if not invocation.is_json:
        for line in _client(invocation, arguments).lines(path, query):
            print(sanitized(line) if sys.stdout.isatty() else line, flush=True)
        return 0
    for line in _client(invocation, arguments).lines(path, query, "text/event-stream"):
        if line.startswith(_DATA) and line != "data: {}":
            print(line.removeprefix(_DATA), flush=True)
    return 0


def restart(invocation: Invocation, arguments: argparse.Namespace) -> int:
    client = _client(invocation, arguments)
    return _begun(invocation, arguments, client, client.tell(f"/v1/services/{arguments.service}/restart"))


def maintenance(invocation: Invocation, arguments: argparse.Namespace) -> int:
    client = _client(invocation, arguments)
    if arguments.state is None:
        return _show(invocation, client.get("/v1/maintenance"), lambda said: print("on" if said["on"] else "off"))
    return _begun(invocation, arguments, client, client.tell("/v1/maintenance", {"on": arguments.state == "on"}))


def source(invocation: Invocation, arguments: argparse.Namespace) -> int:
    client = _client(invocation, arguments)
    answered = (
        client.get("/v1/registry")
        if arguments.source is None
        else client.tell("/v1/registry", {"registry": arguments.source})
    )
    return _show(invocation, answered, render.print_facts)


def _state(container: Mapping[str, object]) -> str:
    return str(container["state"]) if container["is_wanted"] else f"{container['state']}, not of this target"


def containers(invocation: Invocation, arguments: argparse.Namespace) -> int:
    def show(said: Mapping[str, object]) -> None:
        views = {name: view for name, view in said.items() if isinstance(view, Mapping)}
        rows = [(name, str(view["image"]), _state(view)) for name, view in views.items()]
        print_columns(("CONTAINER", "IMAGE", "STATE"), rows, nothing="no containers")

    return _show(invocation, _client(invocation, arguments).get("/v1/containers"), show)


def tokens(invocation: Invocation, arguments: argparse.Namespace) -> int:
    client = _client(invocation, arguments)
    match arguments.do:
        case "list":
            return _show(invocation, client.get("/v1/tokens"), lambda said: render.print_tokens(said["tokens"]))
        case "revoke":
            answered = client.tell(f"/v1/tokens/{_named(arguments, 'an id')}", method="DELETE")
            return _show(invocation, answered, lambda said: print(f"{said['name']} is revoked"))
        case _:
            body: dict[str, object] = {
                "name": _named(arguments, "a name"),
                "scopes": arguments.scope or ["read"],
                "expires_in_s": _seconds(arguments.expires),
                "replace": arguments.replace,
            }
            # The secret alone, so that it can be put into a file without having been anywhere else.
            return _show(invocation, client.tell("/v1/tokens", body), lambda said: print(said["secret"]))


def _named(arguments: argparse.Namespace, what: str) -> str:
    if arguments.name is None:
        raise UsageError(f"tokens {arguments.do} needs {what}", hint="boxship box tokens list shows what there is")
    return str(arguments.name)


def _seconds(text: str) -> int:
    try:
        return int(parse_duration(text)) if text else 0
    except ValueError as err:
        raise UsageError(f"--expires: '{text}' {err}", hint=f"for example {format_duration(3600)} or 30d") from err


def audit(invocation: Invocation, arguments: argparse.Namespace) -> int:
    query = {"after": str(arguments.after), "limit": str(arguments.limit)}
    answered = _client(invocation, arguments).get("/v1/audit", query)
    chain = convert(answered.body, _Chained).chain
    _show(invocation, answered, lambda said: render.print_audit(said["entries"], chain))
    return StateError.exit_status if chain is not None and chain.first_wrong else 0
