"""Whatever is sent, the answer is a problem that says what to do, and nothing has changed."""

import pytest

from boxship.errors import BugError
from tests.unit.api.conftest import Around

Admin = dict[str, str]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "the body is no JSON"),
        (b"\xff\xfe", "the body is no JSON"),
        (b"[" * 60_000, "the body is"),
        (b'{"version": ' + b"[" * 60_000, "the body is"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "missing required field `version`"),
        (b'{"version": 1}', "Expected `str`, got `int` - at `$.version`"),
        (b'{"version": "1.1", "force": true}', "unknown field `force`"),
        (b'{"version": "\\ud800"}', "the body is"),
    ],
)
async def test_a_wrong_body_is_refused_with_its_place(around: Around, admin: Admin, body: bytes, says: str) -> None:
    headers = {**admin, "Content-Type": "application/json"}
    answer = await around.client.post("/v1/switch", headers=headers, content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert says in answer.json()["detail"]
    assert around.box.operations() == ()


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_a_form_of_another_site_is_refused(around: Around, admin: Admin, kind: str) -> None:
    headers = {**admin, "Content-Type": kind}
    answer = await around.client.post("/v1/gc", headers=headers, content=b'{"dry_run": false}')
    assert (answer.status_code, answer.json()["type"]) == (415, "request.media_type")


@pytest.mark.parametrize("is_declared", [True, False])
async def test_a_long_body_is_refused_and_not_read(around: Around, admin: Admin, is_declared: bool) -> None:
    async def chunks() -> object:
        for _ in range(100):
            yield b" " * 1024

    headers = {**admin, "Content-Type": "application/json"}
    content = b" " * 100 * 1024 if is_declared else chunks()
    answer = await around.client.post("/v1/gc", headers=headers, content=content)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["type"]) == (413, "request.too_large")


async def test_another_method_is_told_which_ones_there_are(around: Around, admin: Admin) -> None:
    answer = await around.client.put("/v1/boot", headers=admin)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert answer.json()["type"] == "request.method"
    only_post = await around.client.get("/v1/host/reboot", headers=admin)
    assert (only_post.status_code, only_post.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v1/boots", "/v1/boot/", "/v2/boot", "/v1/boot/a/b"])
async def test_an_unknown_path_is_a_problem_too(around: Around, admin: Admin, path: str) -> None:
    answer = await around.client.get(path, headers=admin)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_a_mistyped_query_does_not_do_something_else(around: Around, admin: Admin) -> None:
    answer = await around.client.post("/v1/gc?dryrun=1", headers=admin)
    assert (answer.status_code, around.box.operations()) == (400, ())
    assert (await around.client.get("/v1/status?soft=maybe", headers=admin)).status_code == 400
    assert (await around.client.get("/v1/status?soft=1&soft=0", headers=admin)).status_code == 400
    assert (await around.client.get(f"/v1/events?after={'x' * 300}", headers=admin)).status_code == 400
    assert (await around.client.get("/v1/operations?limit=-1", headers=admin)).status_code == 400
    assert (await around.client.get("/v1/operations?limit=99999999999999999999", headers=admin)).status_code == 400


async def test_a_bug_is_told_without_its_particulars(around: Around, admin: Admin) -> None:
    around.box.lines.clear()
    around.box.releases = None  # type: ignore[assignment]
    answer = await around.client.get("/v1/tags/latest", headers=admin)
    assert (answer.status_code, answer.json()["type"]) == (500, BugError.code)
    assert "NoneType" not in answer.text


async def test_every_answer_keeps_browsers_from_being_misused(around: Around, admin: Admin) -> None:
    for answer in (await around.client.get("/v1/boot", headers=admin), await around.client.get("/v1/nothing")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["date"].endswith("GMT")
