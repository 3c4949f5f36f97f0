"""The API is asked what its description allows, and what it forbids; every answer is one that it describes.

Searched by schemathesis with hypothesis, so the profiles of tests/conftest.py say how: CI tries the same each time.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks
from starlette.types import ASGIApp

from boxship.api.app import ROUTES
from boxship.api.description import plain_path
from boxship.api.route import Route
from tests.unit.api.real_box import Life, real_box

DESCRIPTION = Path(__file__).parents[2] / "docs/reference/openapi.json"
SCHEMA = schemathesis.openapi.from_dict(json.loads(DESCRIPTION.read_text()))
SHARE = 25
"""Of the examples that a law gets: 4 here, 80 in the thorough profile; asking costs more than computing."""
DEADLINE_S = 10
# Those that ask again by themselves (for example without the token) have tests of their own, in tests/unit/api.
CHECKS = (
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: str(mode.value))
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_answer_is_one_that_is_described(route: Route, mode: GenerationMode) -> None:
    operation = SCHEMA[plain_path(route.path)][route.method]

    @settings(max_examples=max(1, settings().max_examples // SHARE), suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode), life=st.sampled_from(Life))
    def search(case: schemathesis.Case, life: Life) -> None:  # type: ignore[type-arg]  # of what, it keeps to itself
        case.validate_response(asyncio.run(answer_of(case, life)), checks=list(CHECKS))

    search()


async def answer_of(case: schemathesis.Case, life: Life) -> httpx.Response:  # type: ignore[type-arg]  # as above
    """A real Loader's, on an engine that is a fake."""
    async with real_box(life) as real:
        sent = case.as_transport_kwargs(base_url="http://box", headers={"Authorization": f"Bearer {real.secret}"})
        return await ask(real.api, sent)


async def ask(api: ASGIApp, sent: Mapping[str, object]) -> httpx.Response:
    """What schemathesis says in requests' words, in httpx's."""
    body = sent.get("data")
    words = {"content" if isinstance(body, bytes | str) and name == "data" else name: sent[name] for name in sent}
    del words["cookies"]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api)) as client:
        return await asyncio.wait_for(client.request(**words), DEADLINE_S)  # type: ignore[arg-type]
