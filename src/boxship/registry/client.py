"""A registry's repositories over HTTP.

Source: OCI distribution specification 1.1; asked of docker-registry 2.8 by the contract tests.
"""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import httpx
import msgspec

from boxship.clock import Clock
from boxship.errors import NotFoundError, RegistryError
from boxship.registry.backoff import ATTEMPTS, backoff_s, retrying
from boxship.registry.failures import told
from boxship.registry.oci import MANIFEST, MANIFEST_BYTES, decode, is_digest, verified
from boxship.registry.port import Blob
from boxship.registry.session import Answer, Session

_ACCEPT = ", ".join((MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"))
_PAGES = 1000
"""Of a list of tags, 1,000 in each."""


class _Tags(msgspec.Struct, frozen=True):
    tags: tuple[str, ...] | None = None


class Registry:
    """Implements ``Repositories``."""

    def __init__(self, session: Session, clock: Clock, *, attempts: int = ATTEMPTS) -> None:
        self._session = session
        self._clock = clock
        self._attempts = attempts
        self._homes: dict[str, str] = {}
        """Digest -> a repository that has it: another one can take it over from there."""

    @property
    def name(self) -> str:
        return str(self._session.address)

    async def tags(self, repository: str) -> tuple[str, ...]:
        what = f"list the tags of {self._path(repository)}"
        path = f"{self._path(repository)}/tags/list?n=1000"
        found: list[str] = []
        for _ in range(_PAGES):
            try:
                answer = await self._call("GET", path, what)
            except NotFoundError:
                return ()
            found += decode(answer.body, _Tags, f"the list of tags of {self.name}").tags or ()
            path = _next_page(answer.headers)
            if not path:
                return tuple(found)
        raise RegistryError(f"cannot {what}: the list has no end")

    async def manifest(self, repository: str, reference: str) -> bytes:
        what = f"get {self._path(repository)}{'@' if is_digest(reference) else ':'}{reference}"
        answer = await self._call("GET", f"{self._path(repository)}/manifests/{reference}", what, accept=_ACCEPT)
        if len(answer.body) > MANIFEST_BYTES:
            raise RegistryError(f"cannot {what}: it is longer than {MANIFEST_BYTES} bytes")
        return verified(answer.body, reference, what.removeprefix("get ")) if is_digest(reference) else answer.body

    async def blob(self, blob: Blob, *, start: int = 0) -> AsyncGenerator[bytes, None]:
        position, failures = start, 0
        while True:
            try:
                async with aclosing(self._read(blob, position)) as chunks:
                    async for chunk in chunks:
                        position += len(chunk)
                        failures = 0
                        yield chunk
            except RegistryError as err:
                failures += 1
                if not err.is_transient or failures >= self._attempts:
                    raise
                await self._clock.sleep(backoff_s(failures))
            else:
                return

    async def _read(self, blob: Blob, start: int) -> AsyncGenerator[bytes, None]:
        """One attempt. Raises: a transient RegistryError when it ends too early."""
        what = f"get {self._path(blob.repository)}@{blob.digest[:19]}..."
        if start >= blob.size_bytes:
            return
        headers = {"Range": f"bytes={start}-"} if start else {}
        async with self._session.stream(
            "GET", f"{self._path(blob.repository)}/blobs/{blob.digest}", what, headers=headers
        ) as answer:
            # Who knows no ranges sends everything again.
            skipped = start if answer.status_code == httpx.codes.OK else 0
            left = blob.size_bytes - start
            length = answer.headers.get("content-length", "")
            if length.isdecimal() and int(length) != skipped + left:
                raise RegistryError(f"cannot {what}: it is not the promised {blob.size_bytes} bytes long")
            with told(what, self._session.address.host):
                async for chunk in answer.aiter_raw():
                    wanted = chunk[skipped:]
                    skipped -= len(chunk) - len(wanted)
                    left -= len(wanted)
                    if left < 0:
                        raise RegistryError(f"cannot {what}: more than the promised {blob.size_bytes} bytes came")
                    if wanted:
                        yield wanted
        if left > 0:
            raise RegistryError(f"cannot {what}: it ended {left} bytes too early", is_transient=True)

    async def has_blob(self, repository: str, digest: str) -> bool:
        what = f"look for {self._path(repository)}@{digest[:19]}..."
        try:
            await self._call("HEAD", f"{self._path(repository)}/blobs/{digest}", what)
        except NotFoundError:
            return False
        return True

    async def put_blob(self, blob: Blob, content: Callable[[], AsyncIterator[bytes]]) -> None:
        if not await self.has_blob(blob.repository, blob.digest):
            await retrying(lambda: self._put_blob(blob, content), self._clock, self._attempts)
        self._homes.setdefault(blob.digest, blob.repository)

    async def _put_blob(self, blob: Blob, content: Callable[[], AsyncIterator[bytes]]) -> None:
        what = f"send {blob.digest[:19]}... to {self._path(blob.repository)}"
        path, home = f"{self._path(blob.repository)}/blobs/uploads/", self._homes.get(blob.digest)
        if home is not None:
            path += f"?mount={blob.digest}&from={self._path(home)}"
        begun = await self._session.call("POST", path, what)
        if begun.status == httpx.codes.CREATED:
            return
        place = httpx.URL(begun.headers.get("location", "")).copy_merge_params({"digest": blob.digest})
        headers = {"Content-Length": str(blob.size_bytes), "Content-Type": "application/octet-stream"}
        async with self._session.stream("PUT", str(place), what, headers=headers, content=content()):
            pass

    async def put_manifest(self, repository: str, tag: str, data: bytes, media_type: str) -> None:
        what = f"send {self._path(repository)}:{tag}"
        path = f"{self._path(repository)}/manifests/{tag}"
        headers = {"Content-Type": media_type}
        await retrying(
            lambda: self._session.call("PUT", path, what, headers=headers, content=data), self._clock, self._attempts
        )

    async def close(self) -> None:
        await self._session.close()

    def _path(self, repository: str) -> str:
        return self._session.address.repository(repository)

    async def _call(self, method: str, path: str, what: str, accept: str = "") -> Answer:
        headers = {"Accept": accept} if accept else {}
        return await retrying(
            lambda: self._session.call(method, path, what, headers=headers), self._clock, self._attempts
        )


def _next_page(headers: httpx.Headers) -> str:
    """Where the list goes on. Source: distribution specification, "Listing Tags" (a Link header, RFC 5988)."""
    link = headers.get("link", "")
    target, _, relation = link.partition(";")
    is_next = 'rel="next"' in relation.replace(" ", "")
    with contextlib.suppress(httpx.InvalidURL):
        return str(httpx.URL(target.strip().strip("<>"))) if is_next else ""
    return ""
