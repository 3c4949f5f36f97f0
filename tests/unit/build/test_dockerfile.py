import pytest

from boxship.build.dockerfile import Dockerfile


@pytest.mark.parametrize(
    ("text", "images"),
    [
        ("FROM debian", ("debian",)),
        ("from debian as x\nFROM --platform=linux/amd64 x\nCOPY --from=0 /a /b", ("debian",)),
        ("FROM a AS Build\nFROM b\nCOPY --from=build /x /\nCOPY --chown=1:1 --from=c/d:1 /x /", ("a", "b", "c/d:1")),
        ("ARG TAG=12\nARG BASE=share/base:$TAG\nFROM ${BASE}", ("share/base:12",)),
        ("ARG BASE\nFROM ${BASE:-share/base}", ("share/base",)),
        ("ARG BASE=x\nFROM ${BASE:+other}", ("other",)),
        ("FROM scratch\nCOPY . /", ()),
        ("# comment\n\nFROM \\\n  # inside\n\n  debian \\\n  AS one\nFROM one", ("debian",)),
        ("# escape=`\nFROM debian `\n  AS one\nRUN dir c:\\\nFROM two", ("debian", "two")),
        ("# syntax=docker/dockerfile:1\nFROM a\nRUN <<EOF\nFROM not-an-image\nEOF\nFROM b", ("a", "b")),
        ("FROM a\nRUN --mount=type=bind,from=tools,target=/t true", ("a", "tools")),
        ("FROM a\nCOPY --from=a /x /", ("a",)),
        ("FROM a\nADD --from-nowhere /x /\nRUN echo --from=no", ("a",)),
        ('ARG V="1.0"\nFROM "debian:$V"', ("debian:1.0",)),
        ("\ufeffFROM debian\r\nRUN x\r\n", ("debian",)),
        ("", ()),
    ],
)
def test_every_image_that_a_build_begins_from_is_found(text: str, images: tuple[str, ...]) -> None:
    assert Dockerfile.parse(text).images({}) == images


def test_build_arguments_replace_the_defaults_before_the_first_stage() -> None:
    dockerfile = Dockerfile.parse("ARG BASE=one\nARG UNUSED=a\nFROM $BASE\nARG BASE=three\nFROM two")
    assert dockerfile.images({"BASE": "mine", "OTHER": None}) == ("mine", "two")
    assert dockerfile.images({"BASE": None}) == ("one", "two")


def test_stages_after_the_target_do_not_count() -> None:
    dockerfile = Dockerfile.parse("FROM a AS first\nFROM b AS second\nFROM c")
    assert dockerfile.images({}, "FIRST") == ("a",)
    assert dockerfile.images({}, "1") == ("a", "b")
    assert dockerfile.images({}, "unknown") == ("a", "b", "c")


def test_a_later_stage_of_the_same_name_is_no_excuse_for_an_earlier_reference() -> None:
    dockerfile = Dockerfile.parse("FROM share/base AS one\nFROM base\nFROM x AS base")
    assert dockerfile.images({}) == ("share/base", "base", "x")


def test_a_step_is_found_at_the_line_where_its_instruction_begins() -> None:
    dockerfile = Dockerfile.parse("# head\nARG X=1\nFROM a\n\nRUN one \\\n && two\n# between\nCOPY a b\n")
    assert [dockerfile.line_of_step(step) for step in range(6)] == [None, 2, 3, 5, 8, None]
