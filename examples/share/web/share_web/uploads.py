"""A multipart form whose files go to disk as they arrive; memory use doesn't depend on their size."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.multipart import MultipartParser, parse_options_header

_FLUSH_BYTES = 1 << 20
_MAX_FIELD_BYTES = 4_000


class UploadError(Exception):
    """The form can't be read; the message is for the person who sent it."""


@dataclass(slots=True)
class FieldPart:
    """A complete text field."""

    name: str
    value: str


@dataclass(slots=True)
class FileBegins:
    """A file's part begins; its bytes follow."""

    name: str


@dataclass(slots=True)
class FileBytes:
    """The next bytes of the file that began last."""

    chunk: bytes


@dataclass(slots=True)
class FileEnds:
    """The file is complete."""


Part = FieldPart | FileBegins | FileBytes | FileEnds


@dataclass(slots=True)
class _Reader:
    """Turns the parser's calls into parts, in the form's order."""

    parts: list[Part] = field(default_factory=list)
    header_name: bytearray = field(default_factory=bytearray)
    header_value: bytearray = field(default_factory=bytearray)
    headers: dict[bytes, bytes] = field(default_factory=dict)
    field_name: str = ""
    value: bytearray | None = None
    is_complete: bool = False

    def on_part_begin(self) -> None:
        self.headers.clear()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self.header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self.header_value += data[start:end]

    def on_header_end(self) -> None:
        self.headers[bytes(self.header_name).lower()] = bytes(self.header_value)
        self.header_name.clear()
        self.header_value.clear()

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self.headers.get(b"content-disposition", b""))
        self.field_name = options.get(b"name", b"").decode(errors="replace")
        if b"filename" in options:
            self.value = None
            self.parts.append(FileBegins(options[b"filename"].decode(errors="replace")))
        else:
            self.value = bytearray()

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self.value is None:
            self.parts.append(FileBytes(bytes(data[start:end])))
            return
        self.value += data[start:end]
        if len(self.value) > _MAX_FIELD_BYTES:
            raise UploadError("A field of the form is too long.")

    def on_part_end(self) -> None:
        if self.value is None:
            self.parts.append(FileEnds())
        else:
            self.parts.append(FieldPart(self.field_name, self.value.decode(errors="replace")))

    def on_end(self) -> None:
        self.is_complete = True


async def read_parts(content_type: str, body: AsyncIterator[bytes]) -> AsyncIterator[Part]:
    """The form's parts as they arrive.

    Raises:
        UploadError: it isn't a multipart form, or it ends early.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise UploadError("The browser sent something else than files.")
    reader = _Reader()
    parser = MultipartParser(
        options[b"boundary"],
        {
            "on_part_begin": reader.on_part_begin,
            "on_header_field": reader.on_header_field,
            "on_header_value": reader.on_header_value,
            "on_header_end": reader.on_header_end,
            "on_headers_finished": reader.on_headers_finished,
            "on_part_data": reader.on_part_data,
            "on_part_end": reader.on_part_end,
            "on_end": reader.on_end,
        },
    )
    async for chunk in _pieces(body):
        # Large pieces take milliseconds to search; other visitors go on meanwhile.
        await asyncio.to_thread(parser.write, chunk)
        for part in reader.parts:
            yield part
        reader.parts.clear()
    if not reader.is_complete:
        raise UploadError("The upload ended early.")


async def _pieces(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The body in pieces of about a megabyte: each costs one write and one change of thread."""
    held = bytearray()
    async for chunk in body:
        held += chunk
        if len(held) >= _FLUSH_BYTES:
            yield bytes(held)
            held.clear()
    yield bytes(held)
