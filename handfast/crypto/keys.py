"""One secret, the account's, and everything that derives from it. (SPEC RG-15)

Read from an encrypted keystore file or from the environment; never shown, never logged.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from eth_account import Account
from eth_account.signers.local import LocalAccount

from handfast.crypto.bls import SecretKey
from handfast.errors import InvalidInput

KEY_VARIABLE: Final = "HANDFAST_KEY"
PASSWORD_VARIABLE: Final = "HANDFAST_PASSWORD"  # noqa: S105 - the name of a variable
FIRST_EPOCH: Final = 1

_SECP256K1_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_KEY_TEXT = re.compile(r"(0x)?[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Identity:
    """An account's secret key of 32 bytes; its text shows the address alone."""

    secret: bytes = field(repr=False)
    address: str = field(init=False)

    def __post_init__(self) -> None:
        if len(self.secret) != 32:
            raise InvalidInput("an account's secret key has 32 bytes")
        if not 0 < int.from_bytes(self.secret, "big") < _SECP256K1_ORDER:
            raise InvalidInput(
                "an account's secret key must lie between 1 and the group's order - 1"
            )
        object.__setattr__(self, "address", self.account().address)

    @staticmethod
    def generate() -> Identity:
        """Draw a key from the system's randomness."""
        return Identity((1 + secrets.randbelow(_SECP256K1_ORDER - 1)).to_bytes(32, "big"))

    @staticmethod
    def parse(text: str) -> Identity:
        """Read 64 hexadecimal digits, with 0x or without."""
        if not _KEY_TEXT.fullmatch(text.strip()):
            raise InvalidInput("an account's secret key has 64 hexadecimal digits")
        return Identity(bytes.fromhex(text.strip().removeprefix("0x")))

    def account(self) -> LocalAccount:
        """What signs transactions and messages."""
        account: LocalAccount = Account.from_key(self.secret)
        return account

    def signing_key(self, epoch: int = FIRST_EPOCH) -> SecretKey:
        """The BLS key that signs, of a key epoch of the registry."""
        return self._bls_key("signing", epoch)

    def decryption_key(self, epoch: int = FIRST_EPOCH) -> SecretKey:
        """The BLS key that decrypts, of a key epoch of the registry."""
        return self._bls_key("decryption", epoch)

    def _bls_key(self, use: str, epoch: int) -> SecretKey:
        return SecretKey.derive(self.secret, f"handfast/v1/{use}/{epoch}".encode())


def load(
    keystore: Path | None = None,
    password_file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    prompt: Callable[[str], str] | None = None,
) -> Identity:
    """Find the identity of a process.

    keystore        encrypted key file; without one the key is read from HANDFAST_KEY
    password_file   its first line is the keystore's password; else HANDFAST_PASSWORD has it; else
                    `prompt` asks for it
    prompt          such as getpass.getpass; None where nobody can be asked
    raises          InvalidInput, without secrets, if a source is missing or can't be read
    """
    if keystore is not None:
        return read_keystore(keystore, find_password(keystore, password_file, environment, prompt))
    if KEY_VARIABLE not in environment:
        raise InvalidInput(f"no key: name a keystore file or set {KEY_VARIABLE}")
    try:
        return Identity.parse(environment[KEY_VARIABLE])
    except InvalidInput as fault:
        raise InvalidInput(f"{KEY_VARIABLE}: {fault}") from None


def read_keystore(file: Path, password: str) -> Identity:
    """Decrypt a keystore file (Web3 Secret Storage, version 3).

    raises   InvalidInput if it can't be read, is no keystore, or has another password
    """
    try:
        content = json.loads(file.read_text())
    except OSError as fault:
        raise InvalidInput(f"keystore {file}: {fault.strerror}") from None
    except ValueError:
        raise InvalidInput(f"keystore {file}: not a keystore file") from None
    try:
        return Identity(bytes(Account.decrypt(content, password)))
    except ValueError:
        raise InvalidInput(f"keystore {file}: wrong password, or damaged") from None
    except (KeyError, TypeError, NotImplementedError):
        raise InvalidInput(f"keystore {file}: not a keystore file") from None


def write_keystore(identity: Identity, file: Path, password: str, cost: int | None = None) -> None:
    """Encrypt the identity into a new file that only its owner can read.

    cost     iterations of scrypt, a power of two; None for the format's default
    raises   InvalidInput if the file exists or can't be written
    """
    content = json.dumps(Account.encrypt(identity.secret, password, "scrypt", cost))
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InvalidInput(f"keystore {file} exists; it is not overwritten") from None
    except OSError as fault:
        raise InvalidInput(f"keystore {file}: {fault.strerror}") from None
    with os.fdopen(descriptor, "w") as stream:
        stream.write(content)


def find_password(
    keystore: Path,
    password_file: Path | None,
    environment: Mapping[str, str],
    prompt: Callable[[str], str] | None,
) -> str:
    """The password of a keystore: out of the file, else the environment, else asked for.

    raises   InvalidInput if the file can't be read, or nobody can be asked
    """
    if password_file is not None:
        try:
            return password_file.read_text().partition("\n")[0].rstrip("\r")
        except OSError as fault:
            raise InvalidInput(f"password file {password_file}: {fault.strerror}") from None
        except UnicodeDecodeError:
            raise InvalidInput(f"password file {password_file}: not text") from None
    if PASSWORD_VARIABLE in environment:
        return environment[PASSWORD_VARIABLE]
    if prompt is None:
        raise InvalidInput(
            f"no password for keystore {keystore}: set {PASSWORD_VARIABLE} or name a password file"
        )
    return prompt(f"Password of {keystore}: ")
