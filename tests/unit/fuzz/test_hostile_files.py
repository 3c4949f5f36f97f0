"""The command on files that were made to break it: it ends soon, in little memory, with a sentence and not a traceback.

Each runs in a process of its own whose memory and time are bounded by the kernel.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

MEMORY_MIB = 250
"""Of data, which the program's own 30 and the heap's slack are part of."""
CPU_S = 20
"""Most take 0.3; on a loaded machine CPU time grows, too."""
LARGE = 10 * 1024 * 1024 - 300
WEB = "services: {web: {image: 'a:1', "

Make = Callable[[Path], object]


def text(name: str, content: str | bytes) -> Make:
    return lambda directory: (directory / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def both(*makes: Make) -> Make:
    return lambda directory: [make(directory) for make in makes]


def link(name: str, to: str) -> Make:
    return lambda directory: (directory / name).symlink_to(to)


def doubling(lines: int) -> str:
    return "V0=0123456789\n" + "".join(f"V{number}=${{V{number - 1}}}$V{number - 1}\n" for number in range(1, lines))


def laughs(levels: int) -> str:
    lines = ["x-0: &x0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"x-{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


def merges(levels: int) -> str:
    lines = ["x-0: &x0 {" + ", ".join(f"k{n}: 1" for n in range(1000)) + "}"]
    lines += [f"x-{n}: &x{n} {{<<: [*x{n - 1}, *x{n - 1}]}}" for n in range(1, levels)]
    return "\n".join(lines)


COMPOSE = text("compose.yaml", WEB + "}}")
REFUSED: dict[str, tuple[Make, str]] = {
    "a FIFO": (lambda directory: os.mkfifo(directory / "compose.yaml"), "a FIFO, socket or device"),
    "a directory": (lambda directory: (directory / "compose.yaml").mkdir(), "a directory"),
    "a device": (link("compose.yaml", "/dev/zero"), "a FIFO, socket or device"),
    "a link to itself": (link("compose.yaml", "compose.yaml"), "can't be read"),
    "nothing": (text("compose.yaml", ""), "says nothing"),
    "other bytes": (text("compose.yaml", b"a: \xff"), "not UTF-8"),
    "UTF-16": (text("compose.yaml", WEB.encode("utf-16")), "UTF-8"),
    "NUL bytes": (text("compose.yaml", b"\0" * 1000), "not valid YAML"),
    "11 MB": (text("compose.yaml", "#" * (LARGE + 1000)), "larger than 10 MiB"),
    "blanks": (text("compose.yaml", " " * LARGE), "says nothing"),
    "documents": (text("compose.yaml", "---\n" * 400_000), "more than 1,000 documents"),
    "billion laughs": (text("compose.yaml", laughs(20)), "more than 320,000 values"),
    "merges of merges": (text("compose.yaml", merges(40)), "more than 320,000 values"),
    "deep lists": (text("compose.yaml", "[" * LARGE), "nested more than 64"),
    "deep mappings": (text("compose.yaml", "{a: " * 100_000), "nested more than 64"),
    "deep variables": (
        text("compose.yaml", f"{WEB} command: '{'${A:-' * 90_000}{'}' * 90_000}'}}}}"),
        "nested more than 32",
    ),
    "unclosed variables": (text("compose.yaml", f"{WEB} command: '{'${' * 300_000}'}}}}"), "no closing brace"),
    "a long number": (text("compose.yaml", f"{WEB} cpus: {'9' * 1_000_000}}}}}"), "web.cpus"),
    "all ports, often": (text("compose.yaml", f"{WEB} ports: ['1-65535:1-65535', '1-65535:1-65535/udp']}}}}"), "ports"),
    "unknown keys": (text("compose.yaml", "".join(f"k{n}: 1\n" for n in range(50_000))), "49,000 more problems"),
    "doubling variables": (both(COMPOSE, text(".env", doubling(60))), "longer than 1,000,000"),
    "a large variable, often": (
        both(text("compose.yaml", f"{WEB} command: [{'x$A, ' * 3000}]}}}}"), text(".env", "A=" + "a" * 100_000)),
        "longer than 10,000,000",
    ),
    "services": (
        text("compose.yaml", "services:\n" + "".join(f" s{n}: {{image: a}}\n" for n in range(30_000))),
        "30,000 services, and 5,000 are the most",
    ),
    "a million variables": (
        both(COMPOSE, text(".env", "".join(f"K{n}=\n" for n in range(900_000)))),
        "more than 500,000 variables",
    ),
    "a large env_file, often": (
        both(
            text("compose.yaml", f"services: {{{', '.join(f's{n}: {{image: a, env_file: e}}' for n in range(300))}}}"),
            text("e", "".join(f"K{n}=v\n" for n in range(5_000))),
        ),
        "more than 500,000 variables",
    ),
    "an env_file that is a device": (
        both(text("compose.yaml", f"{WEB} env_file: e}}}}"), link("e", "/dev/zero")), "a FIFO, socket or device"),
    "files that include each other": (
        both(text("compose.yaml", "include: [b.yaml]"), text("b.yaml", "include: [compose.yaml]")),
        "include each other",
    ),
    "an included file, often": (
        both(
            text(
                "compose.yaml",
                f"include: [{', '.join(f'{{path: b, project_directory: ./{n}}}' for n in range(13))}]",
            ),
            text("b", f"services: {{s: {{image: a}}}}\n# {'x' * 1_000_000}"),
        ),
        "more than 10,000,000 characters in all",
    ),
    "a service that extends itself": (text("compose.yaml", "services: {a: {extends: a}}"), "a"),
    "a hungry pattern": (
        both(COMPOSE, text("appliance.yaml", f"checks: {{web: {{log: '{'(' * 50_000}{')*' * 50_000}'}}}}")), "log"),
}  # fmt: skip
TAKEN: dict[str, Make] = {
    "a long value": text("compose.yaml", f"services: {{web: {{image: 'a:1', labels: {{a: {'a' * LARGE}}}}}}}"),
    "a long chain": text(
        "compose.yaml",
        "services:\n" + "".join(f"  s{n}: {{image: a:1, depends_on: [s{n + 1}]}}\n" for n in range(3000))
        + "  s3000: {image: a:1}\n",
    ),
    "an empty .env of 10 MB": both(COMPOSE, text(".env", "\n" * LARGE)),
    "comments of 10 MB in .env": both(COMPOSE, text(".env", "#\n" * (LARGE // 2))),
    "many unset variables": text("compose.yaml", f"{WEB} command: [{','.join(f'$V{n}' for n in range(50_000))}]}}}}"),
    "one port on many addresses": text(
        "compose.yaml",
        f"{WEB} ports: [{', '.join(f'10.{n >> 16}.{n >> 8 & 255}.{n & 255}:80:80' for n in range(20_000))}]}}}}",
    ),
    "huge networks": text(
        "compose.yaml", f"{WEB} }}}}\nnetworks: {{a: {{ipam: {{config: [{{subnet: 0.0.0.0/0}}, {{subnet: '::'}}]}}}}}}"
    ),
}  # fmt: skip


def run(directory: Path, verb: str) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_MIB << 20, MEMORY_MIB << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))

    return subprocess.run(
        [sys.executable, "-m", "boxship.cli", "--lax", verb],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "HOME": str(directory)},
        capture_output=True,
        text=True,
        errors="replace",
        preexec_fn=limit,
        timeout=55,
        check=False,
    )


@pytest.mark.parametrize(("make", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_in_a_sentence(make: Make, said: str, tmp_path: Path) -> None:
    make(tmp_path)
    done = run(tmp_path, "check")
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode in {0, 2} if said.startswith("49,000") else done.returncode == 2


@pytest.mark.parametrize("make", TAKEN.values(), ids=TAKEN)
def test_what_is_only_large_is_taken(make: Make, tmp_path: Path) -> None:
    make(tmp_path)
    done = run(tmp_path, "check")
    assert done.returncode == 0, done.stderr[-500:]


def test_a_long_value_is_shown(tmp_path: Path) -> None:
    TAKEN["a long value"](tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "boxship.cli", "show", "--format", "json"],
        cwd=tmp_path, capture_output=True, check=False, timeout=55,
    )  # fmt: skip
    assert len(done.stdout) > LARGE
    assert done.returncode == 0
