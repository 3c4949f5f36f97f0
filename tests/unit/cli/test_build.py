import json
import subprocess
import sys

import pytest

from boxship.build.sizes import ImageSize, Layer
from boxship.cli.build import _build_args, _wants_buildkit
from boxship.cli.render.sizes import print_sizes
from boxship.errors import UsageError
from boxship.spec.model_build import Budget

MIB = 1024**2
BASE = Layer("b", 80 * MIB, "ADD file in /")
IMAGES = (
    ImageSize("web", "shop/web:1", (BASE, Layer("w", 30 * MIB, "RUN apt-get install " + "web " * 30))),
    ImageSize("worker", "shop/worker:1", (BASE,)),
)


def test_a_build_with_nothing_to_do_does_not_pay_for_what_builds() -> None:
    program = "import sys, boxship.cli.build; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=50)
    heavy = {"tarfile", "rich", "boxship.build.bases", "boxship.build.wheels", "boxship.build.send"}
    assert heavy & set(done.stdout.split()) == set()


def test_an_argument_without_a_value_is_the_variable_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "x=y")
    monkeypatch.delenv("NOWHERE", raising=False)
    assert _build_args(["A=1", "B=", "C=d=e", "HERE", "NOWHERE"]) == {"A": "1", "B": "", "C": "d=e", "HERE": "x=y"}
    with pytest.raises(UsageError, match="--build-arg wants NAME=VALUE, not '=x'"):
        _build_args(["=x"])


def test_buildkit_is_chosen_by_option_then_by_dockers_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, wanted in (("0", False), ("1", True), ("", None)):
        monkeypatch.setenv("DOCKER_BUILDKIT", said)
        assert _wants_buildkit(None) is wanted
        assert _wants_buildkit(True) is True


def test_sizes_are_shown_with_what_is_shared_and_what_may_be(capsys: pytest.CaptureFixture[str]) -> None:
    print_sizes(IMAGES, {"web": Budget(150 * MIB)}, is_json=False)
    assert capsys.readouterr().out == (
        "IMAGE          SIZE     ITS OWN  BUDGET\n"
        "shop/web:1     110 MiB  30 MiB   150 MiB\n"
        "shop/worker:1  80 MiB   0 B      -\n"
        "all of them: 110 MiB; 190 MiB without sharing\n"
        "\n"
        "LAYER   IN           MADE BY\n"
        "80 MiB  web, worker  ADD file in /\n"
        "30 MiB  web          RUN apt-get install web web web web web web web web web web web web...\n"
    )


def test_sizes_are_data_with_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_sizes(IMAGES, {}, is_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["images"][0] == {
        "name": "web",
        "image": "shop/web:1",
        "size_bytes": 110 * MIB,
        "own_bytes": 30 * MIB,
        "budget_bytes": None,
    }
    assert found["layers"][0] == {"size_bytes": 80 * MIB, "made_by": "ADD file in /", "images": ["web", "worker"]}
    assert found["size_bytes"] == 110 * MIB
