"""Whose a file should be that is put into a container: its user's, as the container itself would write it."""

import io
import tarfile
from contextlib import aclosing

from boxship.engine.port import ContentEngine
from boxship.errors import BoxshipError

ROOT = (0, 0)
_MOST_BYTES = 1024 * 1024
"""Of a file with accounts; what is longer is not looked at."""


async def owner_in(engine: ContentEngine, container: str, user: str) -> tuple[int, int]:
    """The numbers of ``user`` ("", "33", "www-data", "33:www-data"); root's where they can't be told.

    They are looked up in the container's own accounts, not with a program, which its image may not have.
    """
    if user.partition(":")[0] in ("", "0", "root") and ":" not in user:
        return ROOT
    accounts = await _lines(engine, container, "/etc/passwd")
    name, _, group = user.partition(":")
    found = next((each for each in accounts if name in each[:1] or name in each[2:3]), ())
    uid = _number(name) if name.isdigit() else _number("".join(found[2:3]))
    if uid is None:
        return ROOT
    if not group:
        return uid, _number("".join(found[3:4])) or 0
    if group.isdigit():
        return uid, int(group)
    groups = await _lines(engine, container, "/etc/group")
    return uid, next((_number("".join(each[2:3])) or 0 for each in groups if each[:1] == (group,)), 0)


async def _lines(engine: ContentEngine, container: str, path: str) -> tuple[tuple[str, ...], ...]:
    """The fields of each line; none where there is no such file."""
    packed = bytearray()
    try:
        async with aclosing(engine.read_archive(container, path)) as chunks:
            async for chunk in chunks:
                packed += chunk
                if len(packed) > _MOST_BYTES:
                    return ()
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            member = archive.next()
            content = archive.extractfile(member) if member is not None and member.isreg() else None
            text = content.read().decode(errors="replace") if content is not None else ""
    except (BoxshipError, tarfile.TarError):
        return ()
    return tuple(tuple(line.split(":")) for line in text.splitlines())


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
