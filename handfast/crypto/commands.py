"""`handfast key`: make and show the one secret that a participant keeps."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

import click

from handfast.crypto.keys import PASSWORD_VARIABLE, Identity, find_password, load, write_keystore
from handfast.errors import InvalidInput

_PASSWORD_FILE = click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Its first line is the password; else {PASSWORD_VARIABLE} has it, or it is asked for.",
)


@click.group()
def key() -> None:
    """Make and show the one secret that a participant keeps.

    The account's key and both BLS keys derive from it.
    """


@key.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_PASSWORD_FILE
def new(file: Path, password_file: Path | None) -> None:
    """Draw a new key and write it, encrypted, to FILE."""
    prompt = _ask_twice if sys.stdin.isatty() else None
    password = find_password(file, password_file, os.environ, prompt)
    identity = Identity.generate()
    write_keystore(identity, file, password)
    click.echo(identity.address)


@key.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@_PASSWORD_FILE
def show(file: Path | None, password_file: Path | None) -> None:
    """Show what is public of the key in FILE, or of the one in HANDFAST_KEY."""
    prompt = getpass.getpass if sys.stdin.isatty() else None
    identity = load(file, password_file, prompt=prompt)
    click.echo(f"account         {identity.address}")
    click.echo(f"signing key     {bytes(identity.signing_key().public_key()).hex()}")
    click.echo(f"decryption key  {bytes(identity.decryption_key().public_key()).hex()}")


def _ask_twice(question: str) -> str:
    password = getpass.getpass(question)
    if getpass.getpass("Once more: ") != password:
        raise InvalidInput("the two passwords differ")
    return password
