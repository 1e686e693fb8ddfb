"""Lets `python -m handfast` stand for the `handfast` command."""

from handfast.cli import main

main(prog_name="handfast")
