"""The verb images: what the services are made from, and whether it is here."""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from boxship.cli.chosen import Chosen, choose
from boxship.cli.context import Invocation
from boxship.cli.render.columns import columns, terminal_width, width_of
from boxship.cli.run import run_with_engine
from boxship.cli.when import ago
from boxship.engine.port import Engine
from boxship.plan.containers import image_reference
from boxship.plan.found import without_files
from boxship.plan.observed import Observed, ObservedImage
from boxship.plan.resolve import resolve
from boxship.units import format_size

_SHORT_ID = 12


class ServiceImage(Struct, frozen=True):
    """``image`` None: it isn't here. ``runs``: the ids of other images that its containers were made from."""

    service: str
    reference: str
    image: ObservedImage | None
    runs: tuple[str, ...] = ()


def add_images(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only of these")
    parser.add_argument("-q", "--quiet", action="store_true", help="only the images' ids")
    parser.add_argument("--format", choices=["table", "json"], default="table", help="json is --json (default: table)")
    parser.set_defaults(run=images)


def images(invocation: Invocation, arguments: argparse.Namespace) -> int:
    chosen = choose(invocation, arguments.services)
    found = run_with_engine(lambda engine: _look(engine, invocation, chosen))
    if arguments.quiet:
        for image_id in dict.fromkeys(each.image.id for each in found if each.image):
            print(image_id)
    elif invocation.is_json or arguments.format == "json":
        print(json.dumps([_as_json(each) for each in found]))
    elif found:
        print("\n".join(_table(found)))
    else:
        print("no services", file=sys.stderr)
    return 0


async def _look(engine: Engine, invocation: Invocation, chosen: Chosen) -> list[ServiceImage]:
    if chosen.loaded is None:
        observed = await engine.observe(())
        chosen.check(observed)
        desired = without_files(chosen.appliance, observed)
    else:
        loaded = chosen.loaded
        desired = resolve(loaded.appliance, target=invocation.target, profiles=loaded.active_profiles)
    wanted = {
        service.name: image_reference(desired.appliance, service)
        for service in desired.services
        if not chosen.names or service.name in chosen.names
    }
    return _found(wanted, chosen.appliance, await engine.observe(tuple(wanted.values())))


def _found(wanted: Mapping[str, str], appliance: str, observed: Observed) -> list[ServiceImage]:
    # An image that was looked up by a name has it, whatever the engine makes of the name's spelling.
    rows = []
    for service, reference in wanted.items():
        image = observed.image(reference)
        used = {each.image_id for each in observed.containers_of(appliance) if each.service == service}
        rows.append(ServiceImage(service, reference, image, tuple(sorted(used - {image.id if image else ""}))))
    return rows


def _table(found: Sequence[ServiceImage]) -> list[str]:
    header = ["SERVICE", "IMAGE", "ID", "SIZE", "CREATED", ""]
    rows = [_cells(each) for each in found]
    width = terminal_width()
    if width is not None and width_of(header, rows) > width:
        rows = [[row[0], row[1].rsplit("/", 1)[-1], *row[2:]] for row in rows]
    return columns(header, rows)


def _cells(row: ServiceImage) -> list[str]:
    image = row.image
    runs = f"runs {', '.join(map(_short, row.runs))}" if row.runs else ""
    if image is None:
        return [row.service, row.reference, "-", "-", "-", "; ".join(("not here", *([runs] if runs else [])))]
    age_s = time.time() - image.created_at_s
    created = ago(age_s) if image.created_at_s else "-"
    return [row.service, row.reference, _short(image.id), format_size(image.size_bytes), created, runs]


def _short(image_id: str) -> str:
    return image_id.removeprefix("sha256:")[:_SHORT_ID]


def _as_json(row: ServiceImage) -> dict[str, object]:
    image = row.image
    return {
        "service": row.service,
        "image": row.reference,
        "id": image.id if image else None,
        "size_bytes": image.size_bytes if image else None,
        "created_at": datetime.fromtimestamp(image.created_at_s, UTC).isoformat() if image else None,
        "tags": list(image.tags) if image else [],
        "digests": list(image.digests) if image else [],
        "other_ids": list(row.runs),
    }
