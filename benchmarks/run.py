"""``python benchmarks/run.py``: see README.md beside this file."""

import runpy
import sys
from pathlib import Path

# A script's own folder comes first on the path; the modules here are imported from the project's, as the tests do.
sys.path[0] = str(Path(__file__).resolve().parents[1])
runpy.run_module("benchmarks.main", run_name="__main__")
