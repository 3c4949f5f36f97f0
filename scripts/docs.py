"""Write the pages of docs/ that follow from the program: ``python -m scripts.docs``. A test fails on stale ones."""

import argparse
import inspect
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module

from msgspec.structs import replace

from boxship import errors, names
from boxship.api.app import ROUTES
from boxship.api.description import as_page, describe
from boxship.build import image, known, stamps
from boxship.cli.arguments import VERBS, build_parser
from boxship.cli.grammar import subverbs
from boxship.host.sail import render
from boxship.plan import containers
from boxship.spec import codes
from boxship.spec.appliance_keys import APPLIANCE
from boxship.spec.compose_keys import COMPOSE, NETWORK, SERVICE, VOLUME
from boxship.spec.rules import EXAMPLE, key_texts
from boxship.spec.schema import appliance_schema
from boxship.spec.shape import Shape, expected_forms
from scripts.key_table import every_key
from scripts.tracked import ROOT
from tests.unit.cli import wrong_inputs
from tests.unit.cli.wrong_inputs import WrongInput

DOCS = ROOT / "docs"
REAL_PROJECTS = DOCS / "real-projects.json"
_NOTE = "<!-- Written by scripts/docs.py (make docs); change what it is made from. -->\n"

_REMARKS = {
    "version": "without it, `dev` today; git describe is to come",
    "host.sysctl": "`up` sets what it may, until the host reboots, and warns of the rest",
    "host.needs": "`up` warns of what is missing",
    "boot.attempts": "for the Loader",
    "boot.fallback": "for the Loader",
    "volumes.NAME.on_switch": "shared data never goes back; fresh data does when a person goes back to a release",
}
"""What a key does today, where its line says less or more."""

_OTHER_STATUSES = (
    ("0", "done"),
    ("the command's own", "`exec`: the command ran, and ended with it"),
    ("130", "^C or SIGTERM: what was begun is finished or left as it is, and the next run goes on from there"),
    ("141", "the reader of the output (`boxship logs | head`) went away"),
)

_LABELS = (
    (names.LABEL_APPLIANCE, "container, network, volume", "the appliance it belongs to; it alone decides ownership"),
    (names.LABEL_SERVICE, "container", "the service"),
    (names.LABEL_REPLICA, "container", "which of a service's containers it is, from 2 on"),
    (names.LABEL_KEY, "network, volume", "its key in the files; its name on the engine may differ (`name:`)"),
    (names.LABEL_DIGEST, "container, network, volume", "what it was made from; another digest means: make it anew"),
    (names.LABEL_PARTS, "container", "a short digest of each part, so that a plan can say what changed"),
    (containers.LABEL_DEPENDS_ON, "container", "what it depends on, so that `down` finds the order without files"),
    (
        names.LABEL_GENERATION,
        "container, network, volume",
        "on a box: the generation of volumes that it belongs to (`share.db.g3`); what `up` makes has none",
    ),
    (names.LABEL_TARGET, "container", "the target that was booted when it was made, so that `ps` knows what to expect"),
    (names.LABEL_ONE_OFF, "container", "`run` made it beside the service's own; what tells it from other such"),
    (names.LABEL_PRE_STOP, "container", "the `pre_stop` hooks to run before its stop, as JSON"),
    (names.LABEL_LOADER, "container", "a Loader, of the appliance that it looks after; it is no part of that"),
    (
        names.LABEL_LOADER_STATE,
        "container",
        "a Loader: the folder of its state, which is what an installation is known by",
    ),
    (names.LABEL_LOADER_IMAGE, "container", "a Loader: the image id that was recorded when it was made"),
    (render.LABEL_SAIL, "container", "a Loader: a digest of the script that made the container"),
    (known.LABEL_BUILT_FOR, "image", "the appliance that it was built for"),
    (stamps.LABEL_VERSION, "image", "the version of the appliance when `boxship build` made it"),
    (stamps.LABEL_REVISION, "image", "the commit that its sources were at, with `-dirty` when not all was committed"),
    (stamps.LABEL_SPEC, "image", "one digest over the appliance's files"),
    (image.LABEL_BASE, "image", "a base that Boxship made: the key of what it was made from"),
    (image.LABEL_BASE_LAYERS, "image", "a base that Boxship made: a digest of its layers"),
)


def pages() -> dict[str, str]:
    """Return path below docs/ -> content, for every generated page."""
    made = {
        "compatibility.md": _compatibility(),
        "reference/api.md": _api(),
        "reference/cli.md": _cli(),
        "reference/appliance.md": _appliance(),
        "reference/compose.md": _compose(),
        "reference/errors.md": _errors(),
        "reference/labels-and-names.md": _labels(),
        "reference/problems.md": _problems(),
        "wrong-input.md": _wrong_input(),
    }
    schema = json.dumps(appliance_schema(), indent=2, ensure_ascii=False) + "\n"
    return {
        **{path: f"{_NOTE}\n{content.strip()}\n" for path, content in made.items()},
        "reference/appliance.schema.json": schema,
        "reference/openapi.json": json.dumps(describe(ROUTES), indent=1, ensure_ascii=False) + "\n",
    }


def stale(current: Mapping[str, str]) -> tuple[str, ...]:
    """Return the paths of pages that are not there or not as they should be."""
    return tuple(path for path, content in current.items() if _on_disk(path) != content)


def _on_disk(path: str) -> str:
    file = DOCS / path
    return file.read_text() if file.exists() else ""


def _api() -> str:
    return "\n\n".join(
        (
            "# The API of a box",
            (
                "Everything that a box can be asked or told stands below `/v1`, and `boxship box` is a client of it. "
                "It listens on a unix socket, where root and the socket's owner need no token, and on the addresses of "
                "the appliance's networks (`loader.service`). [openapi.json](openapi.json) is the same for programs, "
                "[Talk to a box](../how-to/talk-to-a-box.md) shows it at work."
            ),
            (
                "Callers send `Authorization: Bearer TOKEN`. A token has scopes: `admin` may do everything, `read` may "
                "see everything but tokens and the audit, `status` and `logs:SERVICE` may see just that. After ten "
                "wrong tokens from one address within a minute, none from there is looked at until the minute is over."
            ),
            (
                "Bodies are JSON of at most 64 KiB; an unknown key or query parameter is an error, and nothing was "
                "done. What takes long is answered with 202, the operation, and its address in `Location`. While one "
                "runs, another is refused with 409, which names it. Whatever is not what was asked for is a problem "
                "(`application/problem+json`, RFC 9457) whose `type` is a code of [Errors](errors.md)."
            ),
            (
                "Besides what is listed, each may answer 400 (wrong body or query), 401 (no or an unknown token), 403 "
                "(no scope), 405 (another method), 408, 413 and 415 (a body that is slow, too large or no JSON), 429 "
                "(too many wrong tokens) and 503 (more than 2,000 connections). Every call that changes something is "
                "written into the audit, also when it was refused."
            ),
            as_page(ROUTES),
        )
    )


def verb_parser(verb: str) -> argparse.ArgumentParser:
    """Return a parser with the arguments of one verb, without the global ones."""
    (adder,) = (adder for name, _, adder, _ in VERBS if name == verb)
    module, _, function = adder.partition(":")
    parser = argparse.ArgumentParser(prog=f"boxship {verb}", add_help=False)
    getattr(import_module(f"boxship.cli.{module}"), function)(parser)
    return parser


def global_actions() -> list[argparse.Action]:
    """Return the options that stand before any verb."""
    return [action for action in _actions(build_parser()) if action.option_strings]


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return list(parser._actions)  # noqa: SLF001 (argparse has no other way to list what a parser knows)


def _cli() -> str:
    parts = [
        "# The command line",
        (
            "`boxship [GLOBAL OPTIONS] VERB [OPTIONS] [ARGUMENTS]`. A verb or option that docker compose has means the "
            "same here. Global options that begin with two dashes may also stand after the verb."
        ),
        (
            "What a verb found out goes to standard output; progress, warnings and errors go to standard error. "
            "[Errors](errors.md) lists the exit statuses. Colours and the live display appear on a terminal only, "
            "and `NO_COLOR` turns colours off. `DOCKER_HOST` says where the engine listens. "
            "`BOXSHIP_ENGINE_TIMEOUT` is how many seconds the engine may take for a quick call (default 30); "
            "its other deadlines change in proportion. `BOXSHIP_ENGINE_IDLE_TIMEOUT` is how many seconds a pull, "
            "push, build or copy may be silent (default 600)."
        ),
        "## Global options",
        _table(("option", "meaning"), ((_flags(each), each.help or "") for each in global_actions())),
    ]
    for verb, text, _, example in VERBS:
        parts += [f"## {verb}", f"{text[0].upper()}{text[1:]}.", f"```console\n$ {example}\n```"]
        below = subverbs(verb_parser(verb))
        rows = [(_flags(action), _meaning(action)) for action in _actions(verb_parser(verb))]
        if below:
            parts += [*_subverbs(verb, below)]
        elif rows:
            parts.append(_table(("argument", "meaning"), rows))
    return "\n\n".join(parts)


def _subverbs(verb: str, below: Mapping[str, tuple[str, argparse.ArgumentParser]]) -> Iterator[str]:
    """A row for each verb below a verb, and one for each argument that not all of them have."""
    seen = [{_flags(each) for each in _shown(inner)} for _, inner in below.values()]
    shared = set.intersection(*seen)
    rows = []
    for name, (text, inner) in below.items():
        words = " ".join(_word(each) for each in _shown(inner) if not each.option_strings)
        rows.append((f"`{verb} {name}{f' {words}' if words else ''}`", text))
        own = [each for each in _shown(inner) if each.option_strings and _flags(each) not in shared]
        rows += [(f"&nbsp;&nbsp;{_flags(each)}", _meaning(each)) for each in own]
    yield _table(("verb", "meaning"), rows)
    first = next(iter(below.values()))[1]
    yield _table(
        ("all of them", "meaning"), [(_flags(each), _meaning(each)) for each in _shown(first) if _flags(each) in shared]
    )


def _word(action: argparse.Action) -> str:
    name = _flags(action).replace("`", "")
    return f"[{name}]" if action.nargs == "?" else name


def _shown(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """What its table lists: neither --help nor the global options."""
    shown = [each for each in _actions(parser) if each.help != argparse.SUPPRESS]
    return [each for each in shown if "--help" not in each.option_strings]


def _flags(action: argparse.Action) -> str:
    value = action.metavar if isinstance(action.metavar, str) else ""
    if not value and action.choices:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    if not action.option_strings:
        return f"`{value or action.dest}`" + (" ..." if action.nargs in ("*", "+", argparse.REMAINDER) else "")
    shown = ", ".join(f"`{flag}`" for flag in action.option_strings)
    return shown + (f" `{value}`" if value else "")


def _meaning(action: argparse.Action) -> str:
    if action.help:
        return action.help
    return f"default: {action.default}" if isinstance(action.default, str) and action.option_strings else ""


def _appliance() -> str:
    return "\n\n".join(
        (
            "# appliance.yaml",
            (
                "It says what a Compose file can't. It lies beside the Compose file and is optional: without one, the "
                "appliance has the folder's name, the version `dev` and one target with every service."
            ),
            (
                "[appliance.schema.json](appliance.schema.json) says the same to "
                "[editors](../how-to/edit-with-completion.md); `boxship show --schema` prints it."
            ),
            "## All keys in an example",
            f"```yaml\n{EXAMPLE.read_text().strip()}\n```",
            "## All keys in a table",
            (
                "`NAME` is a name that you choose, or one of your services or volumes. Keys that begin with `x-` are "
                "yours. An unknown key is an error; `check --lax` and `show --lax` make it a warning."
            ),
            _table(("key", "value", "meaning"), _key_rows(APPLIANCE, "")),
            "## Not yet",
            "These keys have a meaning to come. Today they are refused, so that nobody relies on them: "
            + ", ".join(f"`{key}`" for key in sorted(_later_keys(APPLIANCE, "")))
            + ".",
        )
    )


def _key_rows(shape: Shape, path: str) -> Iterator[tuple[str, str, str]]:
    """One row for each key below ``path`` that has a meaning of its own."""
    for key, inner in _inner(shape):
        full = f"{path}.{key}" if path else key
        text = key_texts().get(full, "")
        if text or (not inner.keys and inner.values is None and key != "NAME"):
            remark = f"; {_REMARKS[full]}" if full in _REMARKS else ""
            yield f"`{full}`", _form(inner), f"{text}{remark}"
        yield from _key_rows(inner, full)


def _inner(shape: Shape) -> Iterable[tuple[str, Shape]]:
    if shape.keys is not None:
        return shape.keys.items()
    return (("NAME", shape.values),) if shape.values is not None else ()


def _later_keys(shape: Shape, path: str) -> Iterator[str]:
    for key in shape.later:
        yield f"{path}.{key}" if path else key
    for key, inner in _inner(shape):
        yield from _later_keys(inner, f"{path}.{key}" if path else key)
    if shape.items is not None:
        yield from _later_keys(shape.items, f"{path}[]")


def _form(shape: Shape) -> str:
    return " or ".join(f"`{word}`" for word in shape.choices) or expected_forms(replace(shape, choices=()))


def _compose() -> str:
    parts = [
        "# Compose files",
        (
            "Boxship reads the Compose Specification's files, all of its keys. Those below are the forms of their "
            "values; [compatibility](../compatibility.md) says of each key what becomes of it. Keys that begin with "
            "`x-` are yours, and the top-level `version` is read and means nothing. Read and not obeyed yet is a "
            "`build` context at a URL."
        ),
        (
            "Files are looked for as docker compose does it: `-f`, then `COMPOSE_FILE`, then `compose.yaml`, "
            "`compose.yml`, `docker-compose.yml` or `docker-compose.yaml` here or in the nearest folder above, "
            "with its `.override` file. `.env`, `--env-file`, `COMPOSE_PROJECT_NAME` and `COMPOSE_PROFILES` work as "
            "you know them."
        ),
        "## Keys",
        "`--lax` (of `check` and `show`) turns unknown keys into warnings.",
    ]
    for title, shape in (("services.NAME", SERVICE), ("networks.NAME", NETWORK), ("volumes.NAME", VOLUME)):
        parts += [f"### `{title}`", _obeyed(shape)]
    parts += [
        "### Top level",
        f"{_codes(sorted(COMPOSE.keys or ()))}.",
        "## Warned about",
        (
            "An appliance runs for years where nobody looks. Some things are allowed, and `check` warns about them: "
            "[problems](problems.md) lists them, and says how to allow one."
        ),
        "## Stricter than docker compose",
        (
            "* Names that nothing answers to are errors: services, networks, volumes, profiles that leave a dependency "
            "behind.\n* Services that wait for each other are an error when reading, not when starting.\n"
            "* A key given twice is an error."
        ),
    ]
    return "\n\n".join(parts)


def _obeyed(shape: Shape) -> str:
    rows = [(f"`{key}`", expected_forms(inner) or "anything") for key, inner in sorted((shape.keys or {}).items())]
    return _table(("key", "value"), rows)


def _codes(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _errors() -> str:
    tree = [each for each in vars(errors).values() if inspect.isclass(each) and issubclass(each, errors.BoxshipError)]
    rows = ((f"`{each.code}`", str(each.exit_status), str(each.http_status), _when(each)) for each in tree)
    return "\n\n".join(
        (
            "# Errors and exit statuses",
            (
                "An error is one sentence with an address, and a hint with the next step, both on standard error. "
                'With `--json` it is an object on standard output: `{"error": {"code", "message", "hint", "fields"}}`. '
                "Codes and statuses are promised: scripts may rely on them. The HTTP status is what the box's API will "
                "answer with."
            ),
            _table(("code", "exit status", "HTTP", "when"), rows),
            "Other exit statuses:",
            _table(("status", "when"), _OTHER_STATUSES),
            "[Wrong input](../wrong-input.md) shows what Boxship says to common mistakes.",
        )
    )


def _problems() -> str:
    return "\n\n".join(
        (
            "# Problems and warnings of the files",
            (
                "`boxship check` shows everything that is wrong or doubtful in all files at once, sorted by place. "
                "Each is one line, `file:line:column: key: what is wrong (what to do)`; on a terminal the line of the "
                "file stands below, with a mark, and what looks like a password is hidden there. Errors make the exit "
                "status 2, warnings don't. `up`, `plan` and `build` only say how many warnings there are."
            ),
            (
                "With `--json` each is an object with `severity`, `code`, `file`, `line`, `column`, `path`, `reason`, "
                "`hint`, and `related`: further places, each with `file`, `line`, `column` and `text`. Line and column "
                "count from 1; line 0 is the file as a whole. Codes are promised; sentences may get better. "
                "[Use it in CI](../how-to/ci.md) shows both forms."
            ),
            "## Errors",
            _table(("code", "what is wrong"), ((f"`{code}`", text) for code, text in codes.ERRORS.items())),
            "## Warnings",
            _table(("code", "what is doubtful"), ((f"`{code}`", text) for code, text in codes.WARNINGS.items())),
            "## Allow a warning",
            (
                "A warning that you have thought about is allowed where it comes from: for a service, or at the top "
                "level of the Compose file for all of them. docker compose ignores the key."
            ),
            (
                "```yaml\nservices:\n  agent:\n    image: example/agent:2\n    privileged: true\n"
                "    x-boxship: {allow: [privileged]}\n```"
            ),
        )
    )


def _when(thing: type) -> str:
    """The first sentence of its docstring."""
    if thing is errors.BoxshipError:
        return "What has no code of its own"
    return re.split(r"(?<=\.)\s", inspect.cleandoc(thing.__doc__ or ""), maxsplit=1)[0].replace("``", "`").rstrip(".")


def _labels() -> str:
    name, service = "share", "web"
    own = names.container_name(name, service)
    digest = "0123456789ab" * 2
    rows = (
        ("container", own, "`container_name`"),
        ("a service's second container", names.container_name(name, names.replica_name(service, 2)), ""),
        ("what `run` made of it", names.container_name(name, names.one_off_name(service, "4f2a9c01")), ""),
        ("its replacement, until the old one is gone", names.next_container_name(own, digest), ""),
        ("network", names.network_name(name, "default"), "`name`"),
        ("volume", names.volume_name(name, "db-data"), "`name`"),
        ("image that the appliance builds", f"{names.image_name(name, service)}:latest", "`image`"),
        (
            "on a box: an image of a release whose version was published again",
            names.replaced_reference(f"{name}/{service}:1.4.2", "sha256:0123456789ab"),
            "",
        ),
    )
    return "\n\n".join(
        (
            "# Labels and names on the engine",
            "## Labels",
            (
                "Boxship touches what carries its label and nothing else. There is no other record of what it made: "
                "the engine's own objects are the state."
            ),
            _table(("label", "on", "meaning"), ((f"`{label}`", on, text) for label, on, text in _LABELS)),
            "```console\n$ docker ps --filter label=boxship.appliance=share\n```",
            "## Names",
            "For the appliance `share` and its service `web`. Names only help people; labels decide.",
            _table(("what", "name", "your own with"), ((what, f"`{shown}`", instead) for what, shown, instead in rows)),
            (
                "Appliances are named with lower-case letters, digits, `-` and `_`. They hold no dot, so the first dot "
                "always ends the appliance's part."
            ),
            "## Names inside the network",
            (
                "A service answers to `web`, to `web.service` and to its `aliases`, on the ports it listens on. "
                "[Addresses](../explanation/addresses.md) says why they stay the same."
            ),
        )
    )


def _compatibility() -> str:
    """The page's sections, in their order."""
    return "\n\n".join(
        (
            "# Compatibility",
            "What Boxship does with the Compose and crane files that people already have.",
            _real_projects(),
            every_key(),
        )
    )


def _real_projects() -> str:
    found = json.loads(REAL_PROJECTS.read_text())
    good = {name: f"{passed} of {total}" for name, (passed, total) in found["scores"].items()}
    started = found["started"]
    rows = (
        (
            f"`{each['repository']}`",
            str(each["services"]),
            str(each["containers"]),
            ", ".join(each["replaced"]) or "-",
            each["covers"],
        )
        for each in started
    )
    return "\n\n".join(
        (
            "## Real projects",
            (
                "`make corpus` reads hundreds of files of public repositories. What Boxship understands of "
                f"{good['real projects']} real projects is what docker compose understands, key by key, or refuses. So "
                f"it is with {good['Compose oracle']} small cases that try one rule each. {good['crane files']} crane "
                f"files are read with `--lax`, {good['crane files without a fault']} without it; the others lack "
                "files or variables of their projects, or name what they don't have."
            ),
            (
                f"It also starts some for real: {len(started)} of {found['tried']} projects with "
                f"{sum(each['containers'] for each in started)} containers did what is asked of all of them. `up -d` "
                "ends well, and every service is ready. Nothing began before what it depends on had started, was "
                "healthy or had ended, by docker compose's reading of the dependencies. A published port answers on "
                "the host. A second `up -d` changes nothing. `down -v` removes every container, network and volume of "
                "the appliance, anonymous volumes, too, and nothing of anybody else's."
            ),
            (
                "What is tried is Boxship, not the projects' software, and no registry is needed: every image is "
                "replaced by one stand-in of two megabytes. It opens the ports that the service says it listens on, "
                "0.3 s after its start; a one-shot ends well instead. Health checks run as they are written, against "
                "that. A second file beside the project's own replaces what a test machine can't give, "
                "as the column says; everything else is the project's own."
            ),
            _table(("project", "services", "started", "replaced beside images", "covers"), rows),
        )
    )


def _wrong_input() -> str:
    groups = (
        ("Files", wrong_inputs.FILES),
        ("Names and keys", wrong_inputs.NAMES),
        ("Values", wrong_inputs.VALUES),
        ("The command line", wrong_inputs.COMMANDS),
        ("The engine", wrong_inputs.ENGINE),
        ("On an engine", wrong_inputs.WITH_ENGINE),
    )
    parts = [
        "# Wrong input",
        (
            "What Boxship says to common mistakes, word for word, and the exit status. All problems of the files are "
            "shown at once, each as `file:line:column: key: what is wrong (what to do)`. Every row is a test. "
            "[Errors](reference/errors.md) explains the statuses."
        ),
    ]
    for title, cases in groups:
        parts += [
            f"## {title}",
            _table(("what is wrong", "what Boxship says", "status"), (_case_row(case) for case in cases)),
        ]
    return "\n\n".join(parts)


def _case_row(case: WrongInput) -> tuple[str, str, str]:
    values = {"{folder}": "/srv/shop", "{name}": "shop", "{port}": "8080", "{image}": "shop/base"}
    said = "<br>".join(_code(line) for line in case.says)
    for key, value in values.items():
        said = said.replace(key, value)
    return case.what, said, str(case.status)


def _code(line: str) -> str:
    return f"`` {line} ``" if "`" in line else f"`{line}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [_row(head), _row(("---",) * len(head)), *(_row(row) for row in rows)]
    return "\n".join(lines)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def main() -> int:
    """Write what isn't current. Returns: the exit status."""
    current = pages()
    for path in stale(current):
        (DOCS / path).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / path).write_text(current[path])
        print(f"wrote docs/{path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
