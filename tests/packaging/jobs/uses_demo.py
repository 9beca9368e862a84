"""The demo of a checkout, run by the installed package."""

import subprocess
import sys
from pathlib import Path

demo = Path(__file__).parents[3] / "examples" / "demo.py"
printed = subprocess.run(
    [sys.executable, str(demo), "--folder", "demo"],
    capture_output=True,
    text=True,
    encoding="utf-8",
    check=True,
).stdout
assert {"alice", "bob"} <= set(printed.split()), printed
