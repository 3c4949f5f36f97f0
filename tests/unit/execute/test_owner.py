import io
import tarfile

import pytest

from boxship.execute.owner import owner_in
from boxship.plan.action import CreateContainer
from tests.contracts.images import chunks_of
from tests.fakes.engine import FakeEngine
from tests.unit.plan.given import desired, plan_of, service

PASSWD = "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001:Web:/srv:/bin/sh\nbroken\nodd:x:many:none::\n"
GROUP = "root:x:0:\nstaff:x:50:web\n"


async def engine_with(files: dict[str, str]) -> FakeEngine:
    engine = FakeEngine()
    engine.add_image("img:1")
    steps = plan_of(desired(service("web", networks={}))).steps
    (spec,) = [step.action.spec for step in steps if isinstance(step.action, CreateContainer)]
    made = await engine.create_container(spec)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name.lstrip("/"))
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    await engine.write_archive(made.id, "/", chunks_of(out.getvalue()))
    return engine


@pytest.mark.parametrize(
    ("user", "owner"),
    [
        ("", (0, 0)),
        ("root", (0, 0)),
        ("web", (1000, 1001)),
        ("1000", (1000, 1001)),
        ("1234", (1234, 0)),
        ("1000:7", (1000, 7)),
        ("web:staff", (1000, 50)),
        ("web:nosuch", (1000, 0)),
        ("nosuch", (0, 0)),
        ("odd", (0, 0)),
        ("0:50", (0, 50)),
    ],
)
async def test_the_owner_is_the_user_in_the_container_s_own_accounts(user: str, owner: tuple[int, int]) -> None:
    assert await owner_in(await engine_with({"/etc/passwd": PASSWD, "/etc/group": GROUP}), "app.web", user) == owner


@pytest.mark.parametrize(("user", "owner"), [("web", (0, 0)), ("33", (33, 0)), ("33:44", (33, 44))])
async def test_without_accounts_numbers_are_taken_as_they_are_and_a_name_for_root(
    user: str, owner: tuple[int, int]
) -> None:
    assert await owner_in(await engine_with({}), "app.web", user) == owner
