"""The description says what the router does, and the pages say what the description does."""

import json
import re

import pytest

from boxship.api.app import ROUTES
from boxship.api.description import describe, plain_path
from scripts import docs
from scripts.tracked import ROOT
from tests.unit.api.conftest import Around


def test_the_description_on_disk_is_the_programs() -> None:
    written = (ROOT / "docs/reference/openapi.json").read_text()
    assert json.loads(written) == json.loads(json.dumps(describe(ROUTES)))
    assert written == docs.pages()["reference/openapi.json"]


def test_every_route_is_described_and_every_description_is_a_route() -> None:
    paths = json.loads(json.dumps(describe(ROUTES)))["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert described == {(route.method, plain_path(route.path)) for route in ROUTES}


def test_every_route_has_its_heading_in_the_reference_and_no_other_has_one() -> None:
    page = (ROOT / "docs/reference/api.md").read_text()
    headings = set(re.findall(r"^## ([A-Z]+ /\S+)$", page, re.MULTILINE))
    assert headings == {f"{route.method} {plain_path(route.path)}" for route in ROUTES}


def test_names_are_unique_as_clients_are_made_from_them() -> None:
    names = [route.name for route in ROUTES]
    assert len(set(names)) == len(names)


async def test_the_description_is_served(around: Around, admin: dict[str, str]) -> None:
    served = (await around.client.get("/v1/openapi.json", headers=admin)).json()
    assert served == json.loads(json.dumps(describe(ROUTES)))


@pytest.mark.parametrize("route", [route for route in ROUTES if route.method == "GET"], ids=lambda route: route.name)
def test_what_only_reads_has_no_body(route: object) -> None:
    assert getattr(route, "body", None) is None
