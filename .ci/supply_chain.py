"""The supply chain: known holes in what is installed, and a bill of materials.

    python .ci/supply_chain.py audit [--required]
    python .ci/supply_chain.py sbom [FILE]

`audit` asks the advisory service of the package index. Its exit status is 1 if an installed package
has a known hole. Without a network it says so and its status is 0, or 1 with `--required`.
`sbom` writes CycloneDX JSON of the package and of all that its extras for users bring.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from jsonschema.validators import Draft7Validator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rfc3986_validator import validate_rfc3986

PACKAGE = "langgraph_agentstore"
NOT_FOR_USERS = {"dev", "docs", "demo"}


def audit(*, required: bool) -> int:
    """Print the known holes of the installed packages; return the exit status."""
    command = [sys.executable, "-m", "pip_audit", "--skip-editable", "--format", "json"]
    done = subprocess.run(
        [*command, "--progress-spinner", "off"], check=False, capture_output=True, text=True
    )
    try:
        found = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return _not_audited((done.stderr.strip().splitlines() or ["no answer"])[-1], required)
    audited = [package for package in found if "vulns" in package]
    if not audited:
        return _not_audited("the advisory service knows none of the packages", required)
    holes = [(package, hole) for package in audited for hole in package["vulns"]]
    for package, hole in holes:
        fixed = ", ".join(hole["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {hole['id']}, fixed in {fixed}")
    print(f"audit: {len(audited)} of {len(found)} packages, {len(holes)} known holes")
    return 1 if holes else 0


def _not_audited(reason: str, required: bool) -> int:
    print(f"audit skipped: {reason}")
    return 1 if required else 0


def sbom(file: Path) -> int:
    """Write the bill of materials; return the exit status."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
    # What is written is validated below, without the packages that are left out.
    options = ["--pyproject", "pyproject.toml", "--mc-type", "library", "--no-validate"]
    options.append(sys.executable)
    done = subprocess.run([*command, *options], check=True, capture_output=True, text=True)
    text = json.dumps(_without_tools(json.loads(done.stdout)), indent=2)
    if problem := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        print(f"sbom: {problem}")
        return 1
    file.write_text(text + "\n", encoding="utf-8")
    print(f"sbom: {len(json.loads(text)['components'])} packages in {file}")
    return 0


# The checker that comes with the validator parses each address in a third of a second.
@Draft7Validator.FORMAT_CHECKER.checks("iri-reference")
def _is_iri_reference(text: object) -> bool:
    """Tell whether the URI that a text is mapped to (RFC 3987, 3.1) is a reference."""
    if not isinstance(text, str):
        return True
    uri = "".join(c if c.isascii() else quote(c) for c in text)
    return bool(validate_rfc3986(uri, rule="URI_reference"))


def _without_tools(bill: dict[str, Any]) -> dict[str, Any]:
    """Return the bill without packages that only development needs."""
    kept = packages_of_users()
    bill["components"] = [c for c in bill["components"] if canonicalize_name(c["name"]) in kept]
    refs = {c["bom-ref"] for c in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    bill["dependencies"] = [
        {**entry, "dependsOn": sorted(refs.intersection(entry.get("dependsOn", ())))}
        for entry in bill["dependencies"]
        if entry["ref"] in refs
    ]
    return bill


def packages_of_users() -> set[str]:
    """Return the installed packages that the package or one of its extras for users needs."""
    extras = set(metadata.metadata(PACKAGE).get_all("Provides-Extra") or ()) - NOT_FOR_USERS
    waiting, seen = [(PACKAGE, frozenset(extras))], set[tuple[str, frozenset[str]]]()
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        waiting += [
            (canonicalize_name(requirement.name), frozenset(requirement.extras))
            for requirement in _requirements(name, wanted)
        ]
    return {name for name, _ in seen} - {PACKAGE, canonicalize_name(PACKAGE)}


def _requirements(name: str, extras: frozenset[str]) -> list[Requirement]:
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:  # of another platform, or an extra not installed here
        return []
    requirements = [Requirement(line) for line in lines]
    return [
        requirement
        for requirement in requirements
        if requirement.marker is None
        or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    ]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["audit", *options]:
            sys.exit(audit(required="--required" in options))
        case ["sbom", *files]:
            sys.exit(sbom(Path(files[0] if files else "sbom.cdx.json")))
        case _:
            sys.exit(__doc__)
