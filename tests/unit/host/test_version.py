import subprocess
from pathlib import Path

from boxship.host.version import versioned
from boxship.spec.model import Appliance


def test_a_written_version_is_kept(tmp_path: Path) -> None:
    assert versioned(Appliance("app", "1.2", tmp_path)).version == "1.2"


def test_without_one_git_describes_the_folder(tmp_path: Path) -> None:
    assert versioned(Appliance("app", "dev", tmp_path)).version == "dev"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=T", "-c", "user.email=t@example.com"]
    for argv in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"], ["tag", "v3.1"]):
        subprocess.run([*git, *argv], check=True, capture_output=True, timeout=30)
    assert versioned(Appliance("app", "dev", tmp_path)).version == "v3.1"
