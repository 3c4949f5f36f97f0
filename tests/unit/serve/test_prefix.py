"""One port for the API and the pages."""

import httpx
import pytest
from starlette.responses import PlainTextResponse

from boxship.serve.prefix import ByPrefix


@pytest.mark.parametrize(
    ("path", "answers"),
    [("/v1", "api"), ("/v1/boot", "api"), ("/v10", "pages"), ("/", "pages"), ("/a/v1", "pages"), ("/V1/boot", "pages")],
)
async def test_a_path_goes_to_the_app_that_owns_its_beginning(path: str, answers: str) -> None:
    app = ByPrefix({"/v1": PlainTextResponse("api")}, PlainTextResponse("pages"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://box") as client:
        assert (await client.get(path)).text == answers
