"""spoon_ai's files as their specification reads, over a plain dict; and what to try it with."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st
from wcmatch import glob

from langgraph_agentstore.files.line_ends import replaced_as_shown

GLOB_FLAGS = glob.BRACE | glob.GLOBSTAR
LINE_ENDS = re.compile("\r\n|[\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]")


class FileModel:
    """Path to text; times are left out, so listings come by path."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    def write(self, path: str, content: str) -> Any:
        if path in self.files:
            return (
                f"Cannot write to {path} because it already exists. Read and then make an edit, "
                "or write to a new path.",
                None,
            )
        self.files[path] = content
        return (None, path)

    def edit(self, path: str, old: str, new: str, replace_all: bool) -> Any:
        if path not in self.files:
            return (f"Error: File '{path}' not found", None, None)
        if not old:
            return (
                "Error: old_string is empty, so there is nothing to replace; name a text of the "
                "file",
                None,
                None,
            )
        text, exact = self.files[path], bool(LINE_ENDS.search(old.replace("\n", "")))
        count = (text if exact else LINE_ENDS.sub("\n", text)).count(old)
        if count == 0:
            return (f"Error: String not found in file: '{old}'", None, None)
        if count > 1 and not replace_all:
            return (
                f"Error: String '{old}' appears {count} times in file. Use replace_all=True to "
                "replace all instances, or provide a more specific string.",
                None,
                None,
            )
        if exact or not LINE_ENDS.search(text.replace("\n", "")):
            self.files[path] = text.replace(old, new)
        else:
            self.files[path] = replaced_as_shown(text, old, new, LINE_ENDS)
        return (None, path, count)

    def read(self, path: str, offset: int, limit: int) -> str:
        if path not in self.files:
            return f"Error: File '{path}' not found"
        text = self.files[path]
        text = text.removeprefix("\ufeff")
        if text.strip() == "":
            return "System reminder: File exists but has empty contents"
        lines = text.splitlines()
        offset, limit = max(offset, 0), max(limit, 0)
        if offset >= len(lines):
            return f"Error: Line offset {offset} exceeds file length ({len(lines)} lines)"
        rows = []
        for index in range(offset, min(offset + limit, len(lines))):
            line, name = lines[index], str(index + 1)
            chunks = [line[n : n + 10_000] for n in range(0, len(line), 10_000)] or [""]
            for part, chunk in enumerate(chunks):
                label = name if part == 0 else f"{name}.{part}"
                rows.append(label.rjust(6) + "\t" + chunk)
        return "\n".join(rows)

    def ls_info(self, path: str) -> list[tuple[str, bool, int]]:
        folder = path if path.endswith("/") else path + "/"
        found = set()
        for name, text in self.files.items():
            if name.startswith(folder):
                head, slash, _ = name.removeprefix(folder).partition("/")
                found.add((folder + head + "/", True, 0) if slash else (name, False, len(text)))
        return sorted(found)

    def grep_raw(self, pattern: str, path: str | None, include: str | None) -> Any:
        try:
            expression = re.compile(pattern)
        except re.error as error:
            return f"Invalid regex pattern: {error}"
        return [
            (name, number, line)
            for name, text in self._below(path)
            if not include or glob.globmatch(name.split("/")[-1], include, flags=GLOB_FLAGS)
            for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1)
            if expression.search(line)
        ]

    def glob_info(self, pattern: str, path: str) -> list[tuple[str, bool, int]]:
        start = len(_folder(path))
        return [
            (name, False, len(text))
            for name, text in self._below(path)
            if glob.globmatch(
                name[start:].lstrip("/") or name.split("/")[-1], pattern, flags=GLOB_FLAGS
            )
        ]

    def upload_files(self, files: list[tuple[str, bytes]]) -> list[str | None]:
        errors: list[str | None] = []
        for path, data in files:
            try:
                self.files[path] = data.decode("utf-8")
                errors.append(None)
            except UnicodeDecodeError:
                errors.append("invalid_path")
        return errors

    def download_files(self, paths: list[str]) -> list[Any]:
        return [
            (self.files[path].encode(), None) if path in self.files else (None, "file_not_found")
            for path in paths
        ]

    def _below(self, path: str | None) -> list[tuple[str, str]]:
        if path and not path.strip():
            return []
        folder = _folder(path)
        return sorted((name, text) for name, text in self.files.items() if name.startswith(folder))


def _folder(path: str | None) -> str:
    path = path or "/"
    path = path if path.startswith("/") else "/" + path
    return path if path.endswith("/") else path + "/"


def plain(answer: Any) -> Any:
    """A result of a backend, as the model gives it; times are checked and left out."""
    if isinstance(answer, list):
        if answer and isinstance(answer[0], dict) and "is_dir" in answer[0]:
            return [(one["path"], one["is_dir"], one["size"]) for one in answer]
        if answer and isinstance(answer[0], dict):
            return [(one["path"], one["line"], one["text"]) for one in answer]
        return [plain(one) for one in answer]
    if hasattr(answer, "occurrences"):
        return (answer.error, answer.path, answer.occurrences)
    if hasattr(answer, "files_update"):
        assert answer.files_update is None
        return (answer.error, answer.path)
    if hasattr(answer, "content"):
        return (answer.content, answer.error)
    return answer.error if hasattr(answer, "error") else answer


_pieces = [
    *("a", "b", "ab", "def foo():", " ", "", "\t", "é", "😀", "%", "_", "\\", '"', "'", "/", "]"),
    *("\n", "\n", "\n\n", "\r\n", "\r", "\f", "\v", "\x1c", "\x85", "\u2028", "\u2029", "\ufeff"),
    *("y", "y"),
]
_long = st.sampled_from(["x" * 9_999, "y" * 10_000, "z" * 10_001, *[""] * 12])
texts = st.builds(
    lambda before, middle, after: "".join([*before, middle, *after]),
    st.lists(st.sampled_from(_pieces), max_size=4),
    _long,
    st.lists(st.sampled_from(_pieces), max_size=4),
)

# Few, so that they meet: files beside folders of the same name, and of almost the same.
PATHS = [
    *("/a", "/a/x.py", "/a/b/y.md", "/a/b", "/a//z", "/a-b/x.py", "/a0", "/aa", "/A/x.py", "/x.py"),
    *("/b/.h/x.py", "/b/.h", "/b/..", "/..", "/é/😀.md", "/%/_", "/_", "/_/ab", "/[a]/x.py", "/*"),
    *(
        "/\\",
        "/ ",
        "/a b/ c",
        "rel.txt",
        "/rel.txt",
        "a/b",
        "//",
        "//a",
        "/a/",
        "/a/b/",
        "/a/x.pyc",
    ),
]
paths = st.sampled_from(PATHS)
filled = st.dictionaries(paths, texts, min_size=5)
folders = paths | st.sampled_from(["/", "", "/", "/a/b/", "/b/", "b", "/a/x", "  ", "/%", "/no"])
patterns = st.sampled_from(
    [
        *(
            "a",
            "b",
            "ab",
            "é",
            "😀",
            '"',
            "'",
            r"\\",
            "%",
            "_",
            "",
            "^$",
            "^a",
            "b$",
            ".",
            "x+y",
            "x*",
        ),
        *(
            "a.b",
            "ab?",
            "a|b",
            "(",
            "(a)",
            "[ab]",
            r"\.",
            r"\w+",
            "(?i)AB",
            "y{3}",
            r"def foo\(",
            "/",
        ),
        *("\t", "\x1c", "\u2028", r"\r$", "foo", "]", r"\s", "a*b", "a+?b", ".*b", "def.foo"),
    ]
)
globs = st.sampled_from(
    [
        *(
            "*",
            "**",
            "**/*",
            "*.py",
            "**/*.py",
            "*.{py,md}",
            "{a,b}",
            "{a,b}/*",
            "a/**",
            "a/*",
            "a",
        ),
        *(
            "[ab]",
            "[!a]*",
            "[[]a]",
            r"\*",
            r"\\",
            "*/",
            "?",
            "é",
            "**/é*",
            "A*",
            "ab",
            "",
            "a//b",
            "%",
        ),
        *("_", "*_*", "..", "../*", ".*", "**/.h", "{a", "[a", "x.{p..q}y", "a b", " ", "!a", "|a"),
    ]
)
