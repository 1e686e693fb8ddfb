"""Reads from a chain through one node: blocks, calls, balances, logs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from eth_utils.address import to_checksum_address

from handfast.chain.abi import Abi, Log, shipped, shipped_bytecode
from handfast.chain.provider import NodeProvider
from handfast.errors import Rejected, Unavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header, as far as it matters here.

    timestamp   seconds
    base_fee    wei per gas; 0 on a chain without EIP-1559
    """

    number: int
    hash: bytes
    parent: bytes
    timestamp: int
    base_fee: int


@dataclass(frozen=True, slots=True)
class Mined:
    """Where a transaction was mined.

    status      whether it succeeded
    gas_price   wei per gas that it paid
    created     the address of the contract that it made, if it did
    """

    transaction: bytes
    block_number: int
    block_hash: bytes
    status: bool
    gas_used: int
    gas_price: int
    logs: tuple[Log, ...]
    created: str | None


@dataclass(frozen=True, slots=True)
class Spend:
    """The transaction that used a nonce."""

    transaction: bytes
    block_number: int


@dataclass(frozen=True, slots=True)
class Call:
    """What a transaction does.

    to      None creates a contract
    label   for people, e.g. "ChannelHub.open"
    """

    to: str | None
    data: bytes
    label: str
    value: int = 0


class Chain:
    """One node's view of one chain.

    Whatever a node says becomes a value, Rejected if it refuses, or Unavailable if it says nothing,
    or nothing that makes sense.
    """

    def __init__(
        self, url: str, *, timeout: float = 10.0, attempts: int = 4, pause: float = 0.2
    ) -> None:
        self.provider = NodeProvider(url, timeout=timeout, attempts=attempts, pause=pause)
        self._id: int | None = None

    async def request(self, method: str, *parameters: Any) -> Any:
        """Any JSON-RPC question, and its raw answer."""
        return await self._ask(method, parameters, _same)

    async def id(self) -> int:
        """The chain's id."""
        if self._id is None:
            self._id = await self._ask("eth_chainId", (), _number)
        return self._id

    async def block(self, number: int) -> Block | None:
        """A block by its number; None if the node does not have it."""
        return await self._ask("eth_getBlockByNumber", (hex(number), False), _optional(_block))

    async def head(self) -> Block:
        """The newest block."""
        return await self._ask("eth_getBlockByNumber", ("latest", False), _block)

    async def logs(self, addresses: Sequence[str], first: int, last: int) -> tuple[Log, ...]:
        """Logs of these contracts in a range of blocks, both ends included.

        raises   Rejected also if the node finds the range too long
        """
        query = {"address": list(addresses), "fromBlock": hex(first), "toBlock": hex(last)}
        return await self._ask("eth_getLogs", (query,), _logs)

    async def logs_in(self, addresses: Sequence[str], block_hash: bytes) -> tuple[Log, ...]:
        """Logs of these contracts in exactly this block.

        raises   Rejected also if the node no longer has the block
        """
        query = {"address": list(addresses), "blockHash": _hex(block_hash)}
        return await self._ask("eth_getLogs", (query,), _logs)

    async def mined(self, transaction: bytes) -> Mined | None:
        """Where a transaction was mined; None if it was not."""
        parameters = (_hex(transaction),)
        return await self._ask("eth_getTransactionReceipt", parameters, _optional(_mined))

    async def input_of(self, transaction: bytes) -> tuple[str | None, bytes] | None:
        """Receiver and calldata of a transaction; None if the node does not have it."""
        parameters = (_hex(transaction),)
        return await self._ask("eth_getTransactionByHash", parameters, _optional(_input))

    async def balance(self, account: str) -> int:
        """Native coins of an account, in wei."""
        return await self._ask("eth_getBalance", (account, "latest"), _number)

    async def code(self, account: str) -> bytes:
        """The code of a contract; empty for any other account."""
        return await self._ask("eth_getCode", (account, "latest"), _bytes)

    async def transaction_count(self, account: str, at: int | None = None) -> int:
        """Transactions that an account has sent up to a block, by default those waiting too."""
        block = "pending" if at is None else hex(at)
        return await self._ask("eth_getTransactionCount", (account, block), _number)

    async def spender(self, account: str, nonce: int, last: int) -> Spend | None:
        """Which transaction spent a nonce of an account; None if none did up to block `last`.

        raises   Rejected or Unavailable also if the node no longer keeps the states it takes
        """
        if await self.transaction_count(account, last) <= nonce:
            return None
        # Backwards in growing steps: nodes keep the states of recent blocks alone.
        first, step = last, 1
        while first > 0 and await self.transaction_count(account, first) > nonce:
            first, step = max(first - step, 0), 2 * step
        while last - first > 1:
            middle = (first + last) // 2
            if await self.transaction_count(account, middle) > nonce:
                last = middle
            else:
                first = middle
        senders = await self._ask("eth_getBlockByNumber", (hex(last), True), _optional(_senders))
        found = (senders or {}).get((to_checksum_address(account), nonce))
        return Spend(found, last) if found else None

    async def priority_fee(self) -> int:
        """What the node suggests to bid above the base fee, in wei per gas."""
        return await self._ask("eth_maxPriorityFeePerGas", (), _number)

    async def broadcast(self, raw: bytes) -> None:
        """Hand a signed transaction to the node.

        raises   Rejected with the node's words if it does not take it
        """
        await self._ask("eth_sendRawTransaction", (_hex(raw),), _bytes)

    async def call(self, call: Call, sender: str | None = None, at: int | None = None) -> bytes:
        """What a call would return, without sending it.

        raises   Rejected with the decoded revert
        """
        block = "latest" if at is None else hex(at)
        return await self._ask("eth_call", (_parameters(call, sender), block), _bytes)

    async def estimate_gas(self, call: Call, sender: str) -> int:
        """Gas that a call would use now."""
        return await self._ask("eth_estimateGas", (_parameters(call, sender),), _number)

    async def close(self) -> None:
        """Close the connections to the node."""
        await self.provider.disconnect()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _ask(self, method: str, parameters: Sequence[Any], parse: Callable[[Any], T]) -> T:
        answer = await self.provider.ask(method, parameters)
        try:
            return parse(answer)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            text = str(answer)[:80]
            raise Unavailable(f"the node answered {method} with nonsense: {text}") from error


class Contract:
    """A deployed contract of the protocol. Subclasses are named and called as the contract is."""

    def __init__(self, chain: Chain, address: str) -> None:
        self._chain = chain
        self.address: str = to_checksum_address(address)
        self.abi: Abi = shipped(type(self).__name__)

    def _call(self, function: str, *arguments: Any, value: int = 0) -> Call:
        data = self.abi.encode(function, arguments)
        return Call(self.address, data, f"{self.abi.name}.{function.partition('(')[0]}", value)

    async def _read(self, function: str, *arguments: Any, at: int | None = None) -> Any:
        """The result of a view; a tuple if it has several."""
        call = self._call(function, *arguments)
        data = await self._chain.call(call, at=at)
        if not data:
            raise Rejected(f"there is no {self.abi.name} at {self.address}", "NoContract")
        results = self.abi.decode(function, data)
        return results[0] if len(results) == 1 else results


def creation(contract: str, *arguments: Any) -> Call:
    """The call that deploys one of the protocol's contracts."""
    data = shipped_bytecode(contract) + shipped(contract).encode_constructor(arguments)
    return Call(None, data, f"deployment of {contract}")


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _parameters(call: Call, sender: str | None) -> dict[str, str]:
    parameters = {"data": _hex(call.data), "value": hex(call.value)}
    if call.to is not None:
        parameters["to"] = call.to
    if sender is not None:
        parameters["from"] = sender
    return parameters


def _same(answer: Any) -> Any:
    return answer


def _optional(parse: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda answer: None if answer is None else parse(answer)


def _number(answer: Any) -> int:
    return int(answer, 16)


def _bytes(answer: Any) -> bytes:
    return bytes.fromhex(answer.removeprefix("0x"))


def _word(answer: Any) -> bytes:
    word = _bytes(answer)
    if len(word) != 32:
        raise ValueError("not 32 bytes")
    return word


def _block(answer: Any) -> Block:
    return Block(
        _number(answer["number"]),
        _word(answer["hash"]),
        _word(answer["parentHash"]),
        _number(answer["timestamp"]),
        _number(answer.get("baseFeePerGas") or "0x0"),
    )


def _senders(answer: Any) -> dict[tuple[str, int], bytes]:
    return {
        (to_checksum_address(item["from"]), _number(item["nonce"])): _word(item["hash"])
        for item in answer["transactions"]
    }


def _input(answer: Any) -> tuple[str | None, bytes]:
    to = answer.get("to")
    return (to_checksum_address(to) if to else None), _bytes(answer["input"])


def _log(answer: Any) -> Log:
    return Log(
        to_checksum_address(answer["address"]),
        tuple(map(_word, answer["topics"])),
        _bytes(answer["data"]),
        _number(answer["blockNumber"]),
        _word(answer["blockHash"]),
        _word(answer["transactionHash"]),
        _number(answer["logIndex"]),
    )


def _logs(answer: Any) -> tuple[Log, ...]:
    return tuple(map(_log, answer))


def _mined(answer: Any) -> Mined:
    created = answer.get("contractAddress")
    return Mined(
        _word(answer["transactionHash"]),
        _number(answer["blockNumber"]),
        _word(answer["blockHash"]),
        _number(answer["status"]) == 1,
        _number(answer["gasUsed"]),
        _number(answer.get("effectiveGasPrice") or "0x0"),
        _logs(answer["logs"]),
        to_checksum_address(created) if created else None,
    )
