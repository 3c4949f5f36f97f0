"""Makes the web package importable; the tests here use its modules without third-party imports."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "examples/share/web"))
