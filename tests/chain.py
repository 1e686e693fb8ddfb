"""The chain of the tests that need Brownie: its settings, its actors, and checked reverts."""

from __future__ import annotations

import gc
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from brownie import chain, exceptions, project, web3
from brownie._config import CONFIG
from brownie.convert.datatypes import HexString
from brownie.network.account import Account
from brownie.network.rpc import Rpc
from brownie.network.transaction import TransactionReceipt
from eth_abi import decode, encode
from eth_utils import function_abi_to_4byte_selector
from eth_utils.abi import get_abi_input_types
from hexbytes import HexBytes
from web3.exceptions import TransactionNotFound

BLOCK_GAS_LIMIT = 30_000_000
_RECEIPT_SECONDS = 20.0


def _configure_anvil() -> None:
    """Raise Brownie's gas limit, and take a free port rather than join whatever is on 8545."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = CONFIG.networks["development"]["cmd_settings"]
    settings.update(port=port, gas_limit=BLOCK_GAS_LIMIT)


def _quicken_snapshots() -> None:
    """Spare Brownie the 0.2 s in which it reads the source of all its callers at each snapshot.

    It only wants to know whose frame called it, to warn those who go around `chain`.
    """
    module: Any = sys.modules[Rpc.__module__]
    module.inspect = SimpleNamespace(stack=lambda: [None, SimpleNamespace(frame=sys._getframe(2))])


def _await_receipts() -> None:
    """Have Brownie look for a receipt until it is there.

    Anvil under load counts a transaction a moment before it shows the receipt: Brownie then takes
    it for dropped. The tests have every transaction mined that they wait for.
    """
    hasty = TransactionReceipt._await_confirmation

    def patient(
        self: TransactionReceipt, block_number: int | None = None, required_confs: int = 1
    ) -> None:
        deadline = time.monotonic() + _RECEIPT_SECONDS
        while required_confs > 0 and time.monotonic() < deadline:
            try:
                web3.eth.get_transaction_receipt(HexBytes(self.txid))
                break
            except TransactionNotFound:
                time.sleep(0.02)
        hasty(self, block_number, required_confs)

    TransactionReceipt._await_confirmation = patient


_configure_anvil()
_quicken_snapshots()
_await_receipts()


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of the collections that Brownie makes at each revert."""
    gc.collect()
    gc.freeze()


def _actor(position: int) -> Callable[..., Account]:
    @pytest.fixture(scope="session")
    def actor(accounts: Any) -> Account:
        return accounts[position]

    return actor


deployer = _actor(0)
client = _actor(1)
provider = _actor(2)
coordinator = _actor(3)
watcher = _actor(4)
stranger = _actor(5)
beneficiary = _actor(6)


def plain(answer: Any) -> Any:
    """A contract's answer as nested tuples of ordinary values, which compare as such."""
    if isinstance(answer, tuple | list):
        return tuple(plain(part) for part in answer)
    if isinstance(answer, bool):
        return answer
    if isinstance(answer, int):
        return int(answer)
    return bytes(answer) if isinstance(answer, bytes | HexString) else str(answer)


def mine_at(timestamp: int) -> None:
    """Mine a block at exactly this second, which must be later than the last one."""
    set_next_timestamp(timestamp)
    chain.mine()


def set_next_timestamp(timestamp: int) -> None:
    """Let the next transaction's block have exactly this second."""
    web3.provider.make_request("evm_setNextBlockTimestamp", [timestamp])


@cache
def _errors() -> dict[str, dict[bytes, dict[str, Any]]]:
    """The custom errors of all contracts of the project: by name, then by selector."""
    found: dict[str, dict[bytes, dict[str, Any]]] = {}
    for loaded in project.get_loaded_projects():
        for _, build in loaded._build.items():  # noqa: PERF102 - Brownie's own class
            for item in build.get("abi", []):
                if item["type"] == "error":
                    selector = function_abi_to_4byte_selector(item)
                    found.setdefault(item["name"], {})[selector] = item
    return found


def _plain(value: Any) -> Any:
    """An argument as the ABI takes it: accounts and contracts by address, words as bytes."""
    if hasattr(value, "address"):
        return value.address
    if isinstance(value, str) and value.startswith("0x") and len(value) != 42:
        return bytes.fromhex(value[2:])
    return value


def _check(text: str | None, name: str | None, arguments: tuple[Any, ...]) -> None:
    raw = "Unknown typed error: 0x"
    if text == raw:  # no data at all
        text = None
    if name is None or text is None or not text.startswith(raw):
        assert text == name, f"reverted with {text!r}, expected {name!r}"
        return
    data = bytes.fromhex(text.removeprefix(raw))
    assert name in _errors(), f"no error is called {name}"
    error = _errors()[name].get(data[:4])
    assert error is not None, f"reverted with {_describe(data)}, expected {name}"
    types = get_abi_input_types(error)
    actual = decode(types, data[4:])
    assert len(actual) == len(arguments), f"{name} carries {actual}"
    for position, (type_, wanted) in enumerate(zip(types, arguments, strict=True)):
        if wanted is not ...:
            (exact,) = decode([type_], encode([type_], [_plain(wanted)]))
            assert actual[position] == exact, f"{name}{actual}, expected {exact} at {position}"


def _describe(data: bytes) -> str:
    return exceptions.decode_typed_error("0x" + data.hex())


@contextmanager
def reverts(error: str | None, *arguments: Any) -> Iterator[None]:
    """Expect a revert with exactly this custom error and these arguments; `...` matches any one.

    error   its name; or the text of a panic, e.g. "Integer overflow"; None for a revert without
            data
    """
    known = dict(exceptions._errors)
    # Brownie turns errors that it knows into text; of those that it does not it keeps the data.
    exceptions._errors.clear()
    try:
        yield
    except exceptions.VirtualMachineError as failure:
        text = failure.revert_msg
    else:
        raise AssertionError(f"did not revert, expected {error}")
    finally:
        exceptions._errors.update(known)
    _check(text, error, arguments)
