"""Logs and progress come in any pieces, and mean the same."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.engine.port import LogLine
from boxship.engine.streams import LINE_BYTES, Demultiplexer, LineSplitter, RawStream, read_documents, unix_time
from boxship.errors import EngineError, UsageError


def frame(stream: int, text: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(text).to_bytes(4, "big") + text


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def lines_of(parts: list[bytes], *, timestamps: bool = False, framed: bool = True) -> list[LogLine]:
    chunks: Demultiplexer | RawStream = Demultiplexer("read") if framed else RawStream()
    splitter = LineSplitter(timestamps=timestamps, framed=framed)
    lines = [line for part in parts for chunk in chunks.feed(part) for line in splitter.feed(chunk)]
    return [*lines, *splitter.finish()]


LOG = frame(1, b"T1 one\n") + frame(2, b"T2 err\n") + frame(1, b"T3 beg") + frame(2, b"T4 \n") + frame(1, b"T5 in\n")


@given(st.lists(st.integers(0, 200)))
def test_lines_do_not_depend_on_where_the_stream_was_cut(cuts: list[int]) -> None:
    assert lines_of(pieces(LOG, cuts), timestamps=True) == [
        LogLine("stdout", "one", "T1"),
        LogLine("stderr", "err", "T2"),
        LogLine("stderr", "", "T4"),
        LogLine("stdout", "begin", "T3"),
    ]


@given(st.lists(st.integers(0, 200)))
def test_a_terminals_lines_do_not_depend_on_where_the_stream_was_cut(cuts: list[int]) -> None:
    parts = pieces("T1 grüß\r\nT2 \r\nT3 end".encode(), cuts)
    assert lines_of(parts, timestamps=True, framed=False) == [
        LogLine("stdout", "grüß", "T1"),
        LogLine("stdout", "", "T2"),
        LogLine("stdout", "end", "T3"),
    ]


def test_a_frame_of_several_lines_is_several_lines() -> None:
    assert [line.text for line in lines_of([frame(1, b"a\nb\n\nc")])] == ["a", "b", "", "c"]


def test_a_line_without_end_comes_in_pieces() -> None:
    lines = lines_of([frame(1, b"x" * 16384)] * 9 + [frame(1, b"end\n")])
    assert [len(line.text) for line in lines] == [LINE_BYTES, LINE_BYTES, 16384 + 3]


def test_what_is_no_text_is_shown_and_not_fatal() -> None:
    assert [line.text for line in lines_of([frame(1, b"\xff\xfe\n")])] == ["\ufffd\ufffd"]


@pytest.mark.parametrize("header", [b"\x07\0\0\0\0\0\0\1", b"\1\0\1\0\0\0\0\1", b"<html>  "])
def test_broken_frames_are_an_error(header: bytes) -> None:
    with pytest.raises(EngineError, match="'read' makes no sense"):
        list(Demultiplexer("read").feed(header))


def documents(parts: list[bytes]) -> list[str]:
    async def chunks() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    async def collect() -> list[str]:
        return [document.text("status") async for document in read_documents(chunks(), "pull a")]

    return asyncio.run(collect())


@given(st.lists(st.integers(0, 200)))
def test_documents_do_not_depend_on_where_the_stream_was_cut(cuts: list[int]) -> None:
    stream = b'{"status": "one"}\r\n\r\n{"status": "two"}\n{"status": "three"}'
    assert documents(pieces(stream, cuts)) == ["one", "two", "three"]


@pytest.mark.parametrize("line", [b"{\n", b"[]\n", b"5\n", b"<html>"])
def test_a_line_that_is_no_document_is_an_error(line: bytes) -> None:
    with pytest.raises(EngineError, match="'pull a' makes no sense"):
        documents([line])


@pytest.mark.parametrize(
    ("text", "unix"),
    [
        ("1700000000", "1700000000"),
        ("1700000000.123456789", "1700000000.123456789"),
        ("2023-11-14T22:13:20Z", "1700000000"),
        ("2023-11-14T22:13:20.12Z", "1700000000.120000000"),
        ("2023-11-14T22:13:20.123456789Z", "1700000000.123456789"),
        ("2023-11-14T23:13:20.5+01:00", "1700000000.500000000"),
    ],
)
def test_times_become_unix_times_to_the_nanosecond(text: str, unix: str) -> None:
    assert unix_time(text) == unix


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="yesterday"):
        unix_time("yesterday")
