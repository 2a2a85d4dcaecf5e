"""The installation's secret keys: files in ``YIZHAN_HOME/keys``, never in the database.

``personal``  256 bit, AES-GCM for personal fields (decisions 19)
``blind``     256 bit, HMAC for blind indexes: equal values are found without being readable
``anchor``    Ed25519, signs the anchors of history (decisions 18)
Losing ``personal`` loses every phone number: it belongs into the backup, apart from the database.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from workflow.settings import Settings

SIZE = 32
FORMAT = b"\x01"
NONCE = 12
MARK = 4


class WrongKey(Exception):
    """The bytes were sealed by another key, for another field, or were changed."""


def signing_key(home: Path | None = None) -> Ed25519PrivateKey:
    """The key that signs anchors; made at the first call."""
    return Ed25519PrivateKey.from_private_bytes(secret("anchor", home))


def public_key(home: Path | None = None) -> bytes:
    """The 32 raw bytes a stranger verifies anchors with."""
    return signing_key(home).public_key().public_bytes_raw()


def seal(value: str, field: str, home: Path | None = None) -> bytes:
    """Encrypt a personal value for one field ('person.phone'): it cannot be read as another's."""
    key = secret("personal", home)
    nonce = secrets.token_bytes(NONCE)
    return FORMAT + _mark(key) + nonce + AESGCM(key).encrypt(nonce, value.encode(), field.encode())


def unseal(sealed: bytes, field: str, home: Path | None = None) -> str:
    """The value again. WrongKey."""
    key = secret("personal", home)
    head = len(FORMAT) + MARK
    if sealed[:head] != FORMAT + _mark(key):
        raise WrongKey(f"{field} was sealed with another key than the one in this installation")
    nonce, body = sealed[head : head + NONCE], sealed[head + NONCE :]
    try:
        return AESGCM(key).decrypt(nonce, body, field.encode()).decode()
    except InvalidTag as error:
        raise WrongKey(f"{field} was changed or belongs to another field") from error


def blind(value: str, field: str, home: Path | None = None) -> bytes:
    """A fingerprint only this installation can compute; the same for the same value of the same field."""
    return hmac.digest(secret("blind", home), f"{field}\0{value}".encode(), "sha256")


def secret(name: str, home: Path | None = None) -> bytes:
    """The 32 bytes of a key, made at the first call; two processes starting at once agree on one."""
    return _read_or_make((home or Settings.from_environment().home) / "keys" / name)


@cache
def _read_or_make(path: Path) -> bytes:
    if not path.exists():
        _make(path)
    key = path.read_bytes()
    if len(key) != SIZE:
        raise WrongKey(f"the key file {path.name} is damaged: {len(key)} bytes instead of {SIZE}")
    return key


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(SIZE))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # a link appears whole or, if another process was first, not at all
        except FileExistsError:
            return
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        draft.unlink()


def _mark(key: bytes) -> bytes:
    return hashlib.sha256(b"yizhan key mark" + key).digest()[:MARK]
