"""When BuildKit is used, and what the docker command is told."""

import os
from pathlib import Path

import pytest

from boxship.build.buildkit import Extras, extras_of, why_buildkit
from boxship.build.buildkit_run import Command, build_command, laid_out, run_buildkit
from boxship.build.context import find_entries, open_source
from boxship.build.dockerfile import Dockerfile
from boxship.build.door import lacking
from boxship.build.transcript import BuildKitTranscript
from boxship.engine.port import BuildRequest
from boxship.errors import EngineError
from boxship.host.docker_cli import DockerCli, Door, find_buildkit
from boxship.spec.model import Build, Ulimit
from boxship.spec.model_build import ContextPart
from boxship.spec.model_files import Grant, Hidden, SharedFile

BUILDX, BUILT_IN = DockerCli("/bin/docker", Door.BUILDX), DockerCli("/bin/docker", Door.BUILT_IN)


@pytest.mark.parametrize(
    ("text", "need"),
    [
        ("FROM x\nRUN make\nCOPY --chown=1:1 --from=y a b\nADD a b\nENV A=<<B\n", None),
        ("# syntax=docker/dockerfile:1\nFROM x\n", None),
        ("FROM x\n\nRUN --mount=type=cache,target=/c make\n", (3, "RUN --mount")),
        ("FROM x\nRUN --network=none make\n", (2, "RUN --network")),
        ("FROM x\nCOPY --chmod=755 a b\n", (2, "COPY --chmod")),
        ("FROM x\nCOPY --link a b\n", (2, "COPY --link")),
        ("FROM x\nRUN <<EOF\necho\nEOF\n", (2, "a heredoc after RUN")),
        ("FROM x\nCOPY <<-END /x\n\tEND\n", (2, "a heredoc after COPY")),
        ("FROM x\nRUN cat <<EOF\n", None),
        ("ARG TARGETARCH\nFROM x\n", (1, "ARG TARGETARCH, which only BuildKit sets")),
        ("ARG TARGETARCH=amd64\nFROM x\n", None),
        ("ARG BUILDOS\nFROM x\n", None),
    ],
)
def test_the_first_line_that_needs_buildkit_is_found(text: str, need: tuple[int, str] | None) -> None:
    args = {"BUILDOS": "linux"}
    assert Dockerfile.parse(text).buildkit_need(args) == need


def test_a_key_of_the_compose_file_may_need_it_too() -> None:
    plain = Dockerfile.parse("FROM x\n")
    assert why_buildkit(plain, "Dockerfile", Build(Path("/c"))) is None
    assert why_buildkit(plain, "Dockerfile", Build(Path("/c"), ssh={"default": ""})) == ("", "build.ssh")
    fancy = Dockerfile.parse("FROM x\nRUN --mount=type=ssh true\n")
    assert why_buildkit(fancy, "D", Build(Path("/c"))) == ("D:2: ", "RUN --mount")


def test_a_docker_without_buildx_can_do_less() -> None:
    contexts = Extras(contexts={"a": "/a"})
    assert lacking(BUILDX, contexts) == lacking(BUILT_IN, Extras()) == ""
    assert "no buildx for further contexts" in lacking(BUILT_IN, contexts)
    assert lacking(None, Extras()) == "no docker command on this machine can build with it"


def test_no_secret_and_no_argument_stands_on_the_command_line() -> None:
    build = Build(Path("/c"), secrets=(Grant("token"), Grant("key", target="/run/secrets/id_key"), Grant("gone")))
    secrets = {
        "token": SharedFile("token", "secret", value=Hidden("s3cret")),
        "key": SharedFile("key", "secret", file="/keys/it"),
    }
    extras = extras_of(build, {}, secrets)
    request = BuildRequest(("shop/web:1",), args={"PASSWORD": "hunter2", "PATH": "/x", "FROM_HERE": None})
    command = build_command(BUILDX, request, extras, Path("/c/Dockerfile"), Path("/c"), Path("/id"))
    line = " ".join(command.argv)
    assert "s3cret" not in line
    assert "hunter2" not in line
    # What the docker command obeys itself must not change for it.
    assert {"--build-arg=PASSWORD", "--build-arg=FROM_HERE", "--build-arg=PATH=/x"} <= set(command.argv)
    assert {"--secret=id=token,env=BOXSHIP_BUILD_SECRET_0", "--secret=id=id_key,src=/keys/it"} <= set(command.argv)
    assert command.environment["PASSWORD"] == "hunter2"
    assert command.environment["BOXSHIP_BUILD_SECRET_0"] == "s3cret"
    assert not {"PATH", "FROM_HERE"} & command.environment.keys()


def test_the_command_line_says_all_that_the_engine_would_be_told() -> None:
    request = BuildRequest(
        ("a:1", "a:2"),
        labels={"l": "v"},
        target="t",
        network="host",
        no_cache=True,
        pull=True,
        shm_size_bytes=64,
        extra_hosts=("h:1.2.3.4",),
        cache_from=("c:1",),
        ulimits={"nofile": Ulimit(1, 2)},
        platform="linux/amd64",
    )
    extras = Extras(ssh={"default": "", "k": "/k"}, contexts={"lib": "/lib"}, cache_to=("t",), entitlements=("e",))
    argv = build_command(BUILT_IN, request, extras, Path("/c/D"), Path("/c"), Path("/id")).argv
    assert argv[:2] == ("/bin/docker", "build")
    assert argv[-1] == "/c"
    assert set(argv[2:-1]) == {
        *("--file=/c/D", "--iidfile=/id", "--progress=plain", "--tag=a:1", "--tag=a:2", "--label=l=v"),
        *("--target=t", "--network=host", "--no-cache", "--pull", "--shm-size=64", "--add-host=h:1.2.3.4"),
        *("--cache-from=c:1", "--ulimit=nofile=1:2", "--platform=linux/amd64", "--ssh=default", "--ssh=k=/k"),
        *("--build-context=lib=/lib", "--cache-to=t", "--allow=e"),
    }


def script(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("lines", "door"),
    [
        (("exit 0",), Door.BUILDX),
        (('[ "$1" = --version ] || exit 1', "echo 'Docker version 20.10.24+dfsg1, build 297e128'"), Door.BUILT_IN),
        (('[ "$1" = --version ] || exit 1', "echo 'Docker version 28.2.2, build e6534b4'"), None),
        (('[ "$1" = --version ] || exit 1', "echo 'podman version 4.3.1'"), None),
    ],
)
async def test_the_docker_on_the_path_is_asked_what_it_can(
    tmp_path: Path, lines: tuple[str, ...], door: Door | None
) -> None:
    script(tmp_path / "docker", *lines)
    found = await find_buildkit({"PATH": str(tmp_path)})
    assert (found.door if found else None) is door
    assert await find_buildkit({"PATH": "/nowhere"}) is None


async def test_the_reason_of_a_failed_build_is_buildkits(tmp_path: Path) -> None:
    docker = script(tmp_path / "docker", "echo '#1 [2/2] RUN x' >&2", "echo '#1 ERROR: exit code: 9' >&2", "exit 1")
    transcript, told = BuildKitTranscript(), list[str]()
    with pytest.raises(EngineError, match=r"^exit code: 9$"):
        await run_buildkit(Command((str(docker),), {}), os.environ, transcript, told.append)
    assert told == ["Step 2/2 : RUN x"]
    silent = script(tmp_path / "silent", "exit 3")
    with pytest.raises(EngineError, match=r"^docker exited 3$"):
        await run_buildkit(Command((str(silent),), {}), os.environ, BuildKitTranscript(), told.append)


def test_one_folder_is_read_where_it_is_and_a_composed_one_is_laid_out_and_gone(tmp_path: Path) -> None:
    web = tmp_path / "web"
    (web / "src").mkdir(parents=True)
    (web / "Dockerfile").write_text("FROM x\n")
    (web / "src" / "run").write_text("run")
    (web / "src" / "run").chmod(0o755)
    (web / "link").symlink_to("src/run")
    (web / ".dockerignore").write_text("Dockerfile\n")
    (tmp_path / "more").write_text("more")
    build = Build(web)
    plain = open_source(build, "at")
    with laid_out(plain, find_entries(plain), build) as (dockerfile, folder):
        assert (dockerfile, folder) == (web / "Dockerfile", web)
    composed = open_source(build, "at", (ContextPart(tmp_path / "more", "src/more"),))
    with laid_out(composed, find_entries(composed), build) as (dockerfile, folder):
        assert dockerfile.read_text() == "FROM x\n"
        assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) == [
            "link",
            "src",
            "src/more",
            "src/run",
        ]
        assert os.access(folder / "src" / "run", os.X_OK)
        assert (folder / "link").readlink() == Path("src/run")
    assert not folder.exists()
    inline = Build(web, dockerfile_inline="FROM y\n")
    source = open_source(inline, "at")
    with laid_out(source, find_entries(source), inline) as (dockerfile, folder):
        assert (dockerfile.read_text(), folder) == ("FROM y\n", web)
    assert not dockerfile.exists()
