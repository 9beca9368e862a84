"""Decision 0021: words found within sentences, and the room that they take.

From the root of a checkout: python docs/decisions/evidence/0021.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from langgraph_agentstore.embedded import EmbeddedPostgres
from langgraph_agentstore.model.bigrams import query_words, spaced

sys.path.insert(0, str(Path.cwd()))
from tests.search.sentences import SENTENCES

ENGLISH = [
    ("My cat likes to sleep on the window sill", "window"),
    ("There is a meeting at eight tomorrow morning", "meetings"),
    ("She is allergic to peanuts", "peanut"),
    ("The printers are on the second floor", "printer"),
]


@contextmanager
def started(folder: str) -> Iterator[psycopg.Connection]:
    """Connect to a bundled server of its own."""
    server = EmbeddedPostgres(folder)
    try:
        with psycopg.connect(server.start()) as connection:
            yield connection
    finally:
        server.stop()


def both(text: str) -> str:
    """Pairs, and every single character beside them: the way that was rejected."""
    alone = (word.text[0] for word in query_words(text) if not word.text.isascii())
    return f"{spaced(text)} {' '.join(alone)}"


def main() -> None:
    """By language: words found before, and now; bytes of words before, now, and if both."""
    with TemporaryDirectory() as folder, started(folder) as connection:
        for language, sentences in {**SENTENCES, "english": ENGLISH}.items():
            texts = [sentence for sentence, _ in sentences]
            plain = found = 0
            for sentence, word in sentences:
                plain += matches(connection, sentence, word)
                asked = [f"'{w.text}':*" if w.alone else f"'{w.text}'" for w in query_words(word)]
                found += matches(connection, spaced(sentence), " & ".join(asked), "to_tsquery")
            sizes = [size(connection, texts, of) for of in (str, spaced, both)]
            shares = [f"{hits}/{len(sentences)}" for hits in (plain, found)]
            sys.stdout.write(f"{language}: {shares} {sizes}\n")


def matches(
    connection: psycopg.Connection, text: str, query: str, function: str = "plainto_tsquery"
) -> bool:
    """Whether a text has what a query asks for."""
    sql = f"SELECT to_tsvector('english', %s) @@ {function}('english', %s)"
    return connection.execute(sql, (text, query)).fetchone()[0]


def size(connection: psycopg.Connection, texts: list[str], of: Callable[[str], str]) -> int:
    """Bytes of the words of a text, on average."""
    sql = "SELECT avg(pg_column_size(to_tsvector('english', t))) FROM unnest(%s::text[]) t"
    return round(connection.execute(sql, ([of(text) for text in texts],)).fetchone()[0])


if __name__ == "__main__":
    main()
