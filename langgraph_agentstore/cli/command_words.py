"""Advice in the words of the command line, where the package names arguments of Python."""

from __future__ import annotations

import re

_WORDS = [
    (re.compile(python), command)
    for python, command in (
        (r"on_conflict='(\w+)'( or )'(\w+)'", r"--on-conflict \1\2\3"),
        (r"on_conflict='(\w+)'", r"--on-conflict \1"),
        (r"leave resume out", "leave --resume out"),
        (r"foreign=True", "--foreign"),
        (r"skip_refused=True", "--skip-refused"),
        (r"setup\(distribute=True\)", "`agentstore setup --distribute`"),
        (r"distribute=True", "--distribute"),
        (r"setup\(row_security=False\)", "`agentstore setup --no-row-security`"),
        (
            r"print\(error\.sql\) and print\(store\.setup_sql\(\)\) show",
            "`setup --print-sql` prints",
        ),
        (r"make the store without `with` and call store\.reindex\(\)", "run `agentstore reindex`"),
        (r"call setup\(\)", "run `agentstore setup`"),
        (r"call reindex\(\)", "run `agentstore reindex`"),
        (r"until reindex\(\) is called", "until `agentstore reindex`"),
        (r"\breindex\(\)", "`agentstore reindex`"),
        (r"correct index=", "correct the index of the profile"),
        (r"without an index=", "without an index, since no profile names one"),
    )
]


def in_command_words(text: str) -> str:
    """Return the text with options and commands in place of the arguments and calls of Python."""
    for python, command in _WORDS:
        text = python.sub(command, text)
    return text
