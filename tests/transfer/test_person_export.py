"""Everything about a person in one file, signed and verifiable."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.errors import ConfigurationError, DamagedFileError, InvalidOperationError
from langgraph_agentstore.security import Encryption, Limits, LocalKeys, Quotas
from langgraph_agentstore.transfer import aexport, averify, export, import_, verify
from langgraph_agentstore.transfer.manifest import Tally, manifest_entry

NOTES = ("users", "ada", "notes")
KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def fill(store: AgentStore) -> None:
    for user in ("ada", "bob"):
        store.put(("users", user, "notes"), "n", {"text": f"first of {user}"})
        store.put(("users", user, "notes"), "n", {"text": f"second of {user}"})
        DataStore(store, user, "agent", "jobs").lock("job").acquire()
        ConversationMemory(store, user).save_turn("q?", f"r of {user}", "t")


@pytest.mark.parametrize("encrypted", [False, True], ids=["clear", "encrypted"])
def test_everything_of_a_person_and_nothing_of_others_is_in_the_file(
    postgres_dsn: str, schema_name: str, tmp_path: Path, encrypted: bool
) -> None:
    options: dict[str, Any] = {"history": True, "quotas": Quotas(Limits(items=100))}
    if encrypted:
        options["encryption"] = Encryption(LocalKeys(LocalKeys.generate_key()))
    with AgentStore(postgres_dsn, schema=schema_name, **options) as store:
        fill(store)
        manifest = export(store, tmp_path / "ada.jsonl", user_id="ada", everything=True)
    *documents, _ = lines(tmp_path / "ada.jsonl")
    counts = Counter(document.get("table", "item") for document in documents)
    assert counts == {"item": 2, "item_lock": 1, "item_history": 3, "quota_usage": 1}
    text = (tmp_path / "ada.jsonl").read_text(encoding="utf-8")
    assert "first of ada" in text
    assert "second of ada" in text
    assert "bob" not in text
    assert (manifest.contents, manifest.user_id) == ("everything", "ada")
    assert verify(tmp_path / "ada.jsonl") == manifest


def test_many_rows_come_page_by_page(postgres_dsn: str, schema_name: str, tmp_path: Path) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, history=True) as store:
        store.load([(NOTES, f"n{n}", {"n": n}) for n in range(1700)])
        export(store, tmp_path / "ada.jsonl.gz", user_id="ada", everything=True)
        manifest = verify(tmp_path / "ada.jsonl.gz")
    assert manifest.records == 3400


def test_an_import_writes_the_items_alone(
    store: AgentStore, postgres_dsn: str, schema_name: str, tmp_path: Path
) -> None:
    with AgentStore(postgres_dsn, schema=f"{schema_name}_2", history=True) as source:
        fill(source)
        export(source, tmp_path / "ada.jsonl", user_id="ada", everything=True)
        export(source.for_user("ada"), tmp_path / "v.jsonl", user_id="ada", everything=True)
    assert import_(store, tmp_path / "ada.jsonl") == 2
    assert store.for_user("ada").count() == 2
    assert import_(InMemoryStore(), tmp_path / "ada.jsonl") == 2


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".json", ".yaml", ".parquet", ".jsonl.gz"])
def test_a_signed_file_is_verified_by_the_public_key(
    store: AgentStore, tmp_path: Path, ending: str
) -> None:
    store.put(NOTES, "n", {"n": 1})
    path = tmp_path / f"ada{ending}"
    export(store, path, user_id="ada", sign_with=KEY)
    assert verify(path, signed_by=PUBLIC).public_key is not None
    assert import_(store, path) == 1
    with pytest.raises(DamagedFileError, match="not signed by this key"):
        verify(path, signed_by=Ed25519PrivateKey.generate().public_key())


async def test_keys_may_be_pem(store: AgentStore, tmp_path: Path) -> None:
    private = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    await store.aput(NOTES, "n", {"n": 1})
    await aexport(store, tmp_path / "a.jsonl", user_id="ada", everything=True, sign_with=private)
    assert (await averify(tmp_path / "a.jsonl", signed_by=public)).signature


def test_an_altered_file_does_not_verify_even_with_a_new_checksum(
    store: AgentStore, tmp_path: Path
) -> None:
    path, forged = tmp_path / "ada.jsonl", tmp_path / "forged.jsonl"
    store.put(NOTES, "n", {"n": 1})
    genuine = export(store, path, user_id="ada", sign_with=KEY)
    store.put(NOTES, "n", {"n": 2})
    # Whoever alters the records can make their checksums too, and keep the old signature.
    altered = export(store, forged, user_id="ada")
    kept: dict[str, Any] = {"signature": genuine.signature, "public_key": genuine.public_key}
    last: dict[str, Any] = manifest_entry(replace(altered, **kept))
    forged.write_text(
        "".join(json.dumps(d) + "\n" for d in [*lines(forged)[:-1], last]), encoding="utf-8"
    )
    with pytest.raises(DamagedFileError, match="its records were altered"):
        verify(forged, signed_by=PUBLIC)
    text = forged.read_bytes().splitlines(keepends=True)
    tally = Tally()
    for line in text[:-1]:
        tally.add(line.rstrip(b"\n"), "ada")
    last = manifest_entry(replace(altered, sha256=tally.sha256, **kept))
    forged.write_bytes(b"".join(text[:-1]) + json.dumps(last, separators=(",", ":")).encode())
    assert verify(forged).records == 1
    with pytest.raises(DamagedFileError, match="not signed by this key"):
        verify(forged, signed_by=PUBLIC)


def test_an_unsigned_file_is_not_verified_by_a_key(store: AgentStore, tmp_path: Path) -> None:
    store.put(NOTES, "n", {"n": 1})
    export(store, tmp_path / "ada.jsonl", user_id="ada")
    assert set(lines(tmp_path / "ada.jsonl")[-1]["manifest"]) == {
        *("records", "sha256", "addresses", "user_id", "template", "exported_at"),
        *("format", "format_version", "checksum"),
    }, "readers of 0.1 know these alone"
    with pytest.raises(DamagedFileError, match="not signed"):
        verify(tmp_path / "ada.jsonl", signed_by=PUBLIC)


@pytest.mark.parametrize("key", ["not pem", b"", 5, X25519PrivateKey.generate(), PUBLIC])
def test_another_key_is_refused_before_anything_is_written(
    store: AgentStore, tmp_path: Path, key: Any
) -> None:
    with pytest.raises(ConfigurationError, match="Ed25519"):
        export(store, tmp_path / "ada.jsonl", user_id="ada", sign_with=key)
    assert not list(tmp_path.iterdir())


def test_everything_is_of_one_person_of_our_stores_in_json_lines(
    store: AgentStore, tmp_path: Path
) -> None:
    path = tmp_path / "ada.jsonl"
    with pytest.raises(InvalidOperationError, match="user_id"):
        export(store, path, everything=True)
    with pytest.raises(InvalidOperationError, match="prefix"):
        export(store, path, user_id="ada", prefix=("notes",), everything=True)
    with pytest.raises(InvalidOperationError, match="AgentStore"):
        export(InMemoryStore(), path, user_id="ada", everything=True)
    with pytest.raises(ConfigurationError, match="JSON Lines"):
        export(store, tmp_path / "ada.csv", user_id="ada", everything=True)
