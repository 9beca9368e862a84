"""The command, by its name and as a module."""

import json
import subprocess
import sys
from pathlib import Path

scripts = Path(sys.executable).parent
command = scripts / ("agentstore.exe" if sys.platform == "win32" else "agentstore")


def run(*arguments: str) -> str:
    return subprocess.run(
        [*arguments, "--path", "postgres"], stdout=subprocess.PIPE, encoding="utf-8", check=True
    ).stdout


found = [json.loads(line) for line in run(str(command), "doctor").splitlines()]
assert {finding["level"] for finding in found} <= {"ok", "note"}, found
assert run(sys.executable, "-m", "langgraph_agentstore", "doctor")
