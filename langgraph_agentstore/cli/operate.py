"""Commands that run a server, and examine it."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer

from .. import agent_server
from ..errors import ConfigurationError
from ..results import Finding
from ..store.executor import READY
from ..tools.printable import count_text, one_line
from ..tools.store_size_sql import plan_stored_search
from .command_words import in_command_words
from .commands import WORDS_INDEX, CommandRun
from .failures import Status, Stop


def show_unguarded_actions(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The project's langgraph.json.")],
) -> None:
    """List the store actions of an Agent Server project that no handler guards."""
    warnings = agent_server.check_project(file)
    for warning in warnings:
        sys.stdout.write(f"warning: {one_line(warning)}\n")
    if warnings:
        raise Stop(Status.NO)


def setup(
    run: CommandRun,
    *,
    print_sql: Annotated[
        bool, typer.Option("--print-sql", help="Print the script for a role with more rights.")
    ] = False,
    row_security: Annotated[
        bool | None,
        typer.Option(
            "--row-security/--no-row-security",
            show_default=False,
            help="Let the database keep users apart, or no longer.",
        ),
    ] = None,
    application_role: Annotated[
        str | None,
        typer.Option(help="With --row-security: the role of the application; it gets its rights."),
    ] = None,
    distribute: Annotated[
        bool, typer.Option("--distribute", help="Distribute the tables by user, on Citus.")
    ] = False,
) -> None:
    """Create the tables, or bring them up to date; make the indexes that a profile asks for."""
    store = run.indexed()
    if print_sql:
        sys.stdout.write(store.setup_sql(distribute=distribute))
        return
    store.setup(row_security=row_security, application_role=application_role, distribute=distribute)
    version = store.executor.run(READY).schema_version
    run.output.facts({"schema": run.server.schema, "schema_version": version})


def reindex(run: CommandRun) -> None:
    """Let searches find every item: by the index of the profile; without one, by its words."""
    if run.server.index is None:
        store = run.store()
        found = store.executor.run(plan_stored_search(store.planner.context))
        if found.has_vectors:
            raise ConfigurationError(
                "the store has vectors of a function, which no profile can name: call reindex "
                "in the program that has it"
                if found.model is None
                else f"the store has vectors of model {found.model!r}: name its index in a profile"
            )
    done = run.store(run.server.index or WORDS_INDEX).reindex(progress=True)
    if run.output.as_json:
        run.output.line({"items": done})
    else:
        run.output.text(f"reindexed {count_text(done, 'item')}")


def doctor(run: CommandRun) -> None:
    """Examine the server, the schema and the tables; tell what is wrong, and the cure."""
    findings = [_in_command_words(finding) for finding in run.indexed().diagnose()]
    problems = [finding for finding in findings if finding.level == "problem"]
    run.output.findings(findings)
    if problems:
        raise Stop(Status.NO)


def _in_command_words(finding: Finding) -> Finding:
    message, cure = in_command_words(finding.message), in_command_words(finding.cure)
    return replace(finding, message=message, cure=cure)
