"""MarketToken, called from Python."""

from __future__ import annotations

from handfast.chain.client import Call, Contract


class MarketToken(Contract):
    """Amounts are in smallest units. (SPEC TK)"""

    async def balance_of(self, account: str) -> int:
        """What an account holds."""
        return int(await self._read("balanceOf", account))

    async def allowance(self, owner: str, spender: str) -> int:
        """What an account lets another take."""
        return int(await self._read("allowance", owner, spender))

    async def total_supply(self) -> int:
        """All there is."""
        return int(await self._read("totalSupply"))

    async def permit_nonce(self, owner: str) -> int:
        """Number of the account's next permit."""
        return int(await self._read("nonces", owner))

    def transfer(self, to: str, amount: int) -> Call:
        """Give an amount away."""
        return self._call("transfer", to, amount)

    def approve(self, spender: str, amount: int) -> Call:
        """Let another account take an amount."""
        return self._call("approve", spender, amount)

    def burn(self, amount: int) -> Call:
        """Destroy an amount of one's own."""
        return self._call("burn", amount)
