"""A Loader that is killed in the middle of anything leaves what it was told is kept."""

import json
import random
import subprocess
import sys
from pathlib import Path

from scripts.tracked import ROOT

KILLS = 100


def test_whenever_the_loader_is_killed_the_last_acknowledged_save_or_the_one_after_it_is_kept(disk: Path) -> None:
    seed = random.randrange(10**6)
    argv = [sys.executable, "-m", "tests.unit.store.saver", str(disk / "box/state.db"), str(KILLS), str(seed)]
    ran = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["wrong"] == [], f"seed {seed}"
    assert found["kills"] == KILLS
    assert found["revision"] > KILLS, "most of them were killed while they saved"
