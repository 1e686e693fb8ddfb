"""ParticipantRegistry, called from Python."""

from __future__ import annotations

from handfast.chain.client import Call, Contract
from handfast.registry.participants import Participant, ParticipantId, Role
from handfast.registry.possession import ProvenKeys

_PAGE = 100


class ParticipantRegistry(Contract):
    """Who is who. (SPEC RG)"""

    async def participant(self, id_: ParticipantId) -> Participant:
        """Everything about a participant.

        raises   Rejected(UnknownParticipant) if nobody has this id
        """
        return Participant.decode(await self._read("participantOf", id_))

    async def participants(self) -> tuple[Participant, ...]:
        """Everybody, deregistered ones too, in the order of their ids."""
        found: list[Participant] = []
        while page := await self._read("participantsFrom", len(found) + 1, _PAGE):
            found += map(Participant.decode, page)
        return tuple(found)

    async def find(self, roles: Role) -> tuple[Participant, ...]:
        """Those that have all of these roles, in the order of their ids."""
        everybody = await self.participants()
        return tuple(each for each in everybody if each.roles & roles == roles)

    async def count(self) -> int:
        """The highest id."""
        return int(await self._read("participantCount"))

    async def id_of(self, account: str) -> ParticipantId | None:
        """The id of an account; None if it is not registered."""
        return ParticipantId(int(await self._read("idOf", account))) or None

    async def bond_of(self, id_: ParticipantId) -> int:
        """The bond that counts, in smallest units of MarketToken."""
        return int(await self._read("bondOf", id_))

    async def is_sealed(self) -> bool:
        """Whether no more contracts can be given power over bonds."""
        return bool(await self._read("isSealed"))

    async def unbonding_period(self) -> int:
        """Seconds from `unbond` to the earliest `withdraw`."""
        return int(await self._read("UNBONDING_PERIOD"))

    def register(
        self, roles: Role, metadata: bytes, endpoint: str, keys: ProvenKeys, bond: int
    ) -> Call:
        """Register the sender; a bond is pulled from what it allowed.

        keys   proven for the sender and epoch 1
        """
        return self._call("register", (roles, metadata, endpoint), keys.words(), bond)

    def set_profile(self, roles: Role, metadata: bytes, endpoint: str) -> Call:
        """Replace what the sender says about itself."""
        return self._call("setProfile", (roles, metadata, endpoint))

    def rotate_keys(self, keys: ProvenKeys) -> Call:
        """Replace the sender's keys.

        keys   proven for the sender and its next key epoch
        """
        return self._call("rotateKeys", keys.words())

    def add_bond(self, id_: ParticipantId, amount: int) -> Call:
        """Add to a participant's bond out of the sender's pocket."""
        return self._call("addBond", id_, amount)

    def unbond(self, amount: int) -> Call:
        """Start the delay before a part of the sender's bond can be withdrawn."""
        return self._call("unbond", amount)

    def withdraw(self) -> Call:
        """Pay the sender all that is unbonding."""
        return self._call("withdraw")

    def deregister(self) -> Call:
        """Give up all roles and start the unbonding of the whole bond."""
        return self._call("deregister")

    def authorise_slasher(self, slasher: str) -> Call:
        """Give a contract power over bonds. By the owner."""
        return self._call("authoriseSlasher", slasher)

    def seal(self) -> Call:
        """End the naming of such contracts. By the owner."""
        return self._call("seal")
