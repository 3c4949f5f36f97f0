import pytest

from boxship.build.dockerfile import Dockerfile
from boxship.build.transcript import BuildKitTranscript, EngineTranscript

DOCKERFILE = Dockerfile.parse(
    "# first\nFROM debian AS one\nRUN make one\n\nFROM debian\nCOPY --from=one /one /one\nRUN echo a && \\\n  exit 9\n"
)
# What docker 20.10 printed for such a file, whose last step fails.
FAILED = """
#3 [internal] load metadata for docker.io/library/debian:latest
#3 DONE 0.0s
#4 [one 1/2] FROM docker.io/library/debian
#4 CACHED
#5 [one 2/2] RUN make one
#5 sha256:6557419dca455df0c1093a504f23c60a6cf4a58d9110b74f33e114b218c0ef26
#5 0.310 made
#5 DONE 1.0s
#7 [stage-1 3/3] RUN echo a &&   exit 9
#7 0.635 a
#7 ERROR: executor failed running [/bin/sh -c echo a &&   exit 9]: exit code: 9
------
 > [stage-1 3/3] RUN echo a &&   exit 9:
------
executor failed running [/bin/sh -c echo a &&   exit 9]: exit code: 9
"""


def heard(text: str) -> tuple[BuildKitTranscript, list[str]]:
    transcript = BuildKitTranscript()
    return transcript, [shown for line in text.strip().splitlines() if (shown := transcript.add(line))]


def test_buildkits_steps_are_told_as_the_engines_are_and_its_bookkeeping_is_not() -> None:
    _, shown = heard(FAILED)
    assert shown == [
        "Step 1/2 : FROM docker.io/library/debian",
        "Step 2/2 : RUN make one",
        "made",
        "Step 3/3 : RUN echo a &&   exit 9",
        "a",
    ]


def test_the_failed_step_is_found_in_the_dockerfile_by_what_it_says() -> None:
    transcript, _ = heard(FAILED)
    assert (transcript.step, transcript.steps) == (3, 3)
    assert transcript.reason == "executor failed running [/bin/sh -c echo a &&   exit 9]: exit code: 9"
    assert transcript.place(DOCKERFILE) == 7


def test_a_step_that_another_one_outlives_stays_the_one_that_failed() -> None:
    transcript, _ = heard(FAILED + "#8 [one 2/2] RUN make one\n#8 CANCELED\n")
    assert transcript.instruction == "RUN echo a &&   exit 9"


def test_the_line_that_a_newer_buildkit_names_counts_more() -> None:
    transcript, _ = heard("#2 [2/2] RUN false\n#2 ERROR: process failed\n------\nDockerfile:42\n--------------------\n")
    assert transcript.place(DOCKERFILE) == 42


@pytest.mark.parametrize("transcript", [EngineTranscript(), BuildKitTranscript()])
def test_a_line_that_cannot_be_parsed_is_named(transcript: EngineTranscript | BuildKitTranscript) -> None:
    reason = "dockerfile parse error line 3: unknown instruction: MAKE"
    transcript.add(f"failed to solve with frontend dockerfile.v0: {reason}")
    assert transcript.place(DOCKERFILE, reason) == 3


def test_a_step_that_is_nowhere_in_the_file_has_no_line() -> None:
    transcript, _ = heard("#2 [2/2] RUN elsewhere\n#2 ERROR: no\n")
    assert transcript.place(DOCKERFILE) is None


def test_the_last_lines_of_the_engines_builder_are_those_of_the_steps() -> None:
    transcript = EngineTranscript()
    bookkeeping = [" ---> b39c16435107", " ---> Running in 3a", " ", "Removing intermediate container 3a"]
    lines = ("Step 1/2 : FROM x", bookkeeping[0], "Step 2/2 : RUN y", bookkeeping[1], "said", *bookkeeping[2:])
    assert [line for line in lines if transcript.add(line) != line] == bookkeeping
    assert list(transcript.tail) == ["Step 1/2 : FROM x", "Step 2/2 : RUN y", "said"]
    assert transcript.made == ["sha256:b39c16435107"]
    assert transcript.place(DOCKERFILE) == 3
