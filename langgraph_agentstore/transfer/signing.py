"""Signatures of files, by Ed25519 over the manifest, which has the checksum of all records."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any, TypeAlias

from .._support.optional import imported
from ..errors import ConfigurationError, DamagedFileError
from .manifest import Manifest, signed_text

SigningKey: TypeAlias = "str | bytes | Any"
"""An Ed25519 key: PEM, or a key of `cryptography`."""


def signed(manifest: Manifest, sign_with: SigningKey) -> Manifest:
    """Return the manifest with a signature and the public key.

    Raises:
        ConfigurationError: it is not a private Ed25519 key.
        MissingExtraError: `cryptography` is not installed.
    """
    key = checked_private_key(sign_with)
    manifest = replace(manifest, public_key=_base64(key.public_key().public_bytes_raw()))
    return replace(manifest, signature=_base64(key.sign(signed_text(manifest))))


def check_signature(manifest: Manifest, signed_by: SigningKey, name: str) -> None:
    """Raise DamagedFileError unless the holder of this public key signed the file."""
    key = _ed25519_key(signed_by, "load_pem_public_key", "Ed25519PublicKey", "signed_by")
    if manifest.signature is None:
        raise DamagedFileError(f"{name!r} is not signed: ask for one of export(sign_with=…)")
    invalid = imported("cryptography.exceptions", "encryption").InvalidSignature
    try:
        key.verify(base64.b64decode(manifest.signature), signed_text(manifest))
    except (invalid, ValueError) as error:
        raise DamagedFileError(
            f"{name!r} was not signed by this key, or was altered since"
        ) from error


def checked_private_key(sign_with: SigningKey) -> Any:
    """Return a private Ed25519 key; raise ConfigurationError for anything else."""
    return _ed25519_key(sign_with, "load_pem_private_key", "Ed25519PrivateKey", "sign_with")


def _ed25519_key(given: SigningKey, load: str, kind: str, option: str) -> Any:
    module = "cryptography.hazmat.primitives"
    wanted = getattr(imported(f"{module}.asymmetric.ed25519", "encryption"), kind)
    key = given
    if isinstance(given, (str, bytes)):
        loader = getattr(imported(f"{module}.serialization", "encryption"), load)
        pem = given.encode() if isinstance(given, str) else given
        try:
            key = loader(pem, None) if option == "sign_with" else loader(pem)
        except (ValueError, TypeError):
            key = None  # an error of the library may quote the key
    if not isinstance(key, wanted):
        raise ConfigurationError(
            f"{option} is an Ed25519 key, {kind} of cryptography or its PEM without a password; "
            "make a pair with openssl genpkey -algorithm ed25519"
        )
    return key


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
