"""How the command ends: statuses, one line for an error, pipes, help, the missing extra."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from langgraph_agentstore import AgentStore
from langgraph_agentstore.cli import main
from langgraph_agentstore.cli.app import GROUPS, make_app
from tests.support.commands import ROOT, agentstore, command, environment, running
from tests.support.faults import execute, free_port
from tests.support.servers import temporary_folder

COMMANDS = [name for commands in GROUPS.values() for name in commands]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_each_command_has_an_example_of_it(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--help"]) == 0
    assert f"Example: agentstore {name}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_and_its_options_are_in_the_reference(name: str) -> None:
    page = (ROOT / "docs" / "reference" / "command_line.md").read_text("utf-8")
    assert re.search(rf"^\|.*`{re.escape(name)}[ `]", page, re.MULTILINE), f"no row for {name}"
    options = {
        option
        for param in get_command(make_app()).commands[name].params  # type: ignore[attr-defined]
        for option in (*param.opts, *param.secondary_opts)
        if option.startswith("--")
    }
    assert {o for o in options - {"--help"} if f"`{o}" not in page} == set()


def test_without_a_command_the_help_is_shown() -> None:
    done = agentstore()
    assert all(f" {name} " in done.out for name in COMMANDS)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_the_commands(shell: str) -> None:
    instruction = {"bash": "complete_bash", "zsh": "complete_zsh", "fish": "complete_fish"}[shell]
    env = {
        "_AGENTSTORE_COMPLETE": instruction,
        "COMP_WORDS": "agentstore do",
        "COMP_CWORD": "1",
        "_TYPER_COMPLETE_ARGS": "agentstore do",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = agentstore(env=env)
    assert "doctor" in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "No such command 'nothing'"),
        (["ls", "--bad"], "No such option"),
        (["get", "docs"], "Missing argument"),
        (["top", "--by", "x"], "Invalid value for '--by': 'x' is not one of"),
        (["ls", "--dsn", "nonsense"], "starts with postgresql://"),
        (["ls", "--dsn", "postgresql://h/d", "--path", "p"], "--dsn and --path name two servers"),
        (["ls", "--profile", "none"], "there is no"),
        (["ls", "a//b", "--dsn", "postgresql://h/d"], "has an empty label"),
    ],
)
def test_wrong_use_is_told_in_one_line_with_status_2(arguments: list[str], said: str) -> None:
    done = agentstore(*arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("agentstore: ")
    assert said in done.err
    assert done.err.count("\n") == 1


def test_a_server_that_is_away_ends_with_status_3_and_shows_no_password() -> None:
    dsn = f"postgresql://ada:s3cret@127.0.0.1:{free_port()}/d"
    done = agentstore("ls", dsn=dsn)
    assert done.status == 3
    assert "cannot connect to" in done.err
    assert "s3cret" not in done.err + done.out
    assert done.err.count("\n") == 1


def test_a_profile_names_the_server(filled: str) -> None:
    with temporary_folder() as home:
        file = home / "langgraph_agentstore" / "profiles.toml"
        file.parent.mkdir()
        file.write_text(f'[default]\ndsn = "{filled}"\n[other]\ndsn = "{filled}"\nschema = "x"\n')
        env = {"XDG_CONFIG_HOME": str(home), "HOME": str(home)}
        done = agentstore("ls", "docs", env=env)
        assert done.rows[0]["key"] == "readme"
        assert ("chmod 0600" in done.err) == (sys.platform != "win32")
        file.chmod(0o600)
        other = agentstore("ls", "docs", "--profile", "other", env=env)
        assert (other.status, "schema 'x' is not set up" in other.err) == (4, True)
        assert execute(filled, "SELECT to_regnamespace('x')") == [(None,)]
        wrong = agentstore("ls", "--profile", "oter", env=env)
        assert "no profile 'oter'; it has: default, other" in wrong.err


@pytest.mark.parametrize("form", ["--json", "--table"])
def test_a_reader_that_goes_away_ends_the_command_quietly(filled: str, form: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command("ls", "-r", form),
        cwd=ROOT,
        env=environment(filled, {}),
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_without_the_extra_the_command_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ImportError('no typer here')")
    done = agentstore("ls", env={"PYTHONPATH": str(tmp_path)})
    assert done.status == 2
    assert "pip install 'langgraph_agentstore[cli]'" in done.err
    assert done.err.count("\n") == 1
    assert agentstore("--version", env={"PYTHONPATH": str(tmp_path)}).status == 0


@pytest.mark.slow
def test_a_reader_that_leaves_half_way_ends_a_long_listing(fresh_database: str) -> None:
    with AgentStore(fresh_database) as store:
        store.load((("lab",), f"k{n:05}", {"n": n}) for n in range(20_000))
    with running("ls", "-r", "--limit", "0", dsn=fresh_database) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert '"k00000"' in process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(60) == 141
    assert err == ""


def test_without_a_terminal_nothing_is_colored_or_drawn(filled: str) -> None:
    env = {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "60"}
    done = agentstore("ls", "docs", "--table", dsn=filled, env=env)
    assert done.out.splitlines()[0].split() == ["key", "version", "updated", "size", "value"]
    assert "\x1b" not in done.out
    assert max(map(len, done.out.splitlines())) <= 60
    assert "\x1b" not in agentstore("--help", env=env).out


@pytest.mark.skipif(sys.platform == "win32", reason="closes descriptors")
def test_closed_standard_streams_do_no_harm(filled: str) -> None:
    script = f"exec {shlex.join(command('ls', 'docs'))} <&- 2>&-"
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=ROOT,
        env=environment(filled, {}),
        stdout=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    assert (done.returncode, b"readme" in done.stdout) == (0, True)
