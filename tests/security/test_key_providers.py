"""Key services by the examples of the how-to, LangGraph's handlers, and providers that fail."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from langgraph_sdk import Encryption as OfficialEncryption

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import ConfigurationError, DecryptionError, KeyProviderError
from langgraph_agentstore.security import Encryption, LocalKeys
from tests.security.key_services import TOKEN, AwsClient, KeyService, key_service
from tests.support.encrypted import KEY, Database, Opened

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "encryption.md"
GOOGLE_KEY = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
NOTES = ("users", "alice", "notes")


def example(name: str) -> Any:
    """The class of that name, from the code of the page."""
    blocks = re.findall(r"^```python no-run\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    [code] = [block for block in blocks if f"class {name}" in block]
    names: dict[str, Any] = {}
    exec(compile(code, name, "exec"), names)
    return names[name]


@pytest.fixture(params=["AwsKms", "GoogleKms", "Vault"])
def provider(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with key_service() as url:
        if request.param == "AwsKms":
            client = AwsClient()
            module = SimpleNamespace(client=lambda _name, **_options: client)
            monkeypatch.setitem(sys.modules, "boto3", module)
            yield example("AwsKms")("alias/agents")
        elif request.param == "GoogleKms":
            with httpx.Client() as session:
                yield example("GoogleKms")(session, GOOGLE_KEY, url)
        else:
            yield example("Vault")(url, TOKEN, "agents")


def test_an_example_wraps_and_unwraps_the_keys_of_a_store(opened: Opened, provider: Any) -> None:
    store = opened(keys=provider)
    for n in range(5):
        store.put(NOTES, str(n), {"n": n})
    assert {item.value["n"] for item in opened(keys=provider).iter_items()} == set(range(5))
    if KeyService.asked:
        assert len(KeyService.asked) == 3, "wrapped once, unwrapped once by each store"


async def test_with_an_example_a_key_that_was_moved_does_not_unwrap(
    opened: Opened, provider: Any, database: Database
) -> None:
    await opened(keys=provider).aput(NOTES, "a", {"n": 1})
    await database.run("UPDATE {keys}.user_key SET user_id = 'bob'")
    with pytest.raises(KeyProviderError, match="failed to unwrap"):
        await opened(keys=provider).aget(NOTES, "a")


@pytest.fixture
def official() -> OfficialEncryption:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encryption = OfficialEncryption()
    ring = LocalKeys(KEY)

    @encryption.encrypt.blob
    async def encrypt_blob(ctx: Any, blob: bytes) -> bytes:
        assert ctx.metadata["user_id"] == "alice"
        return ring.wrap(blob, {})

    @encryption.decrypt.blob
    async def decrypt_blob(ctx: Any, blob: bytes) -> Any:
        return OfficialEncryption.types.DecryptResult(ring.unwrap(blob, {}))

    return encryption


async def test_handlers_of_the_agent_server_serve_the_store(
    opened: Opened, official: OfficialEncryption, database: Database
) -> None:
    store = opened(store={"encryption": official})
    await store.aput(NOTES, "a", {"text": "secret"})
    for reader in (store, opened(keys=official)):
        item = await reader.aget(NOTES, "a")
        assert item is not None
        assert item.value == {"text": "secret"}
    [(row,)] = await database.run("SELECT value::text FROM {schema}.item")
    assert "secret" not in row
    await database.run("UPDATE {keys}.user_key SET id = id || '0'")
    await database.run(
        "UPDATE {schema}.item SET value = jsonb_build_object('$sealed',"
        " split_part(value->>'$sealed', '.', 1) || '0.w.x')"
    )
    with pytest.raises(DecryptionError, match="moved from another user or schema"):
        await opened(keys=official).aget(NOTES, "a")


def test_an_official_object_without_handlers_for_blobs_is_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encryption = OfficialEncryption()
    with pytest.raises(ConfigurationError, match="handlers for blobs"):
        Encryption(encryption)


class Failing:
    """A provider whose service is away, or answers what is no key."""

    def __init__(self, answer: bytes | None = None) -> None:
        self.answer = answer

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        return key

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        if self.answer is None:
            raise ConnectionError("the secret detail")
        return self.answer


def test_a_service_that_is_away_raises_an_error_and_is_asked_again(opened: Opened) -> None:
    provider = Failing()
    with pytest.raises(KeyProviderError, match=r"failed to unwrap .*\(ConnectionError\)") as error:
        opened(keys=provider).put(NOTES, "a", {"n": 1})
    assert "secret detail" not in str(error.value)


def test_what_is_no_key_is_refused(opened: Opened) -> None:
    with pytest.raises(KeyProviderError, match="32 bytes"):
        opened(keys=Failing(b"short")).put(NOTES, "a", {"n": 1})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keys": 7}, "a KeyProvider with wrap and unwrap"),
        ({"keys": []}, "this list is empty"),
        ({"keys": "short"}, "32 bytes in URL-safe base64"),
        ({"keys": KEY, "fields": "text"}, "a list of top-level fields"),
        ({"keys": KEY, "fields": []}, "at least one field"),
        ({"keys": KEY, "fields": [""]}, "at least one field"),
        ({"keys": KEY, "equality": ["a"]}, "needs equality_key"),
        ({"keys": KEY, "equality_key": KEY}, "at least one field"),
        ({"keys": KEY, "fields": ["a"], "equality": ["b"], "equality_key": KEY}, "'b' is clear"),
        ({"keys": KEY, "equality": ["a"], "equality_key": "short"}, "32 bytes"),
        ({"keys": KEY, "max_key_age_s": 3601}, "up to 3600"),
        ({"keys": KEY, "max_key_age_s": 0}, "up to 3600"),
        ({"keys": KEY, "max_key_uses": 0}, "max_key_uses"),
    ],
)
def test_a_wrong_option_is_refused_and_no_key_is_shown(options: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as error:
        Encryption(**options)
    assert KEY not in str(error.value)
    assert "short" not in str(error.value)


def test_something_else_is_no_encryption() -> None:
    with pytest.raises(ConfigurationError, match="an Encryption of langgraph_agentstore"):
        AgentStore("postgresql://nowhere", encryption=KEY)


def test_an_index_of_nothing_is_refused() -> None:
    for encryption in (Encryption(KEY, fields=["a"]), Encryption(KEY, index_plaintext=True)):
        AgentStore("postgresql://nowhere", encryption=encryption, index={"mode": "text"}).close()
    with pytest.raises(ConfigurationError, match="would find nothing"):
        AgentStore("postgresql://nowhere", encryption=Encryption(KEY), index={"mode": "text"})
