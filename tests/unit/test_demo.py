"""What changes between the demo's releases still fits the reference appliance."""

import shutil
import subprocess
from pathlib import Path

from boxship.spec.load import load
from boxship.spec.loaded import LoadOptions
from scripts.tracked import ROOT

SHARE = ROOT / "examples" / "share"


def test_the_demos_upgrades_apply_one_after_the_other(tmp_path: Path) -> None:
    shutil.copytree(SHARE, tmp_path / "share", ignore=shutil.ignore_patterns("wheels", ".boxship"))
    versions = [load(LoadOptions(directory=tmp_path / "share")).appliance.version]
    for patch in sorted((SHARE / "demo").glob("*.patch")):
        subprocess.run(["git", "apply", patch], cwd=tmp_path / "share", check=True, timeout=30)
        versions.append(load(LoadOptions(directory=tmp_path / "share")).appliance.version)
        assert versions[-1] == patch.stem
    assert versions == ["1.0.0", "1.1.0", "1.2.0"]
