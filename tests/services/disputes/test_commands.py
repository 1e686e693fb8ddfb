"""`handfast voter`, as a person uses it. (SPEC OC-1, OC-9)"""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from handfast.chain.client import Chain
from handfast.cli import main
from handfast.crypto.keys import Identity
from handfast.disputes.ballots import Choice
from handfast.disputes.spool import Spool
from tests.services.disputes.courtroom import STAKE, TOKENS, Courtroom, draw, open_case


def voter(room: Courtroom, identity: Identity, *command: str) -> Result:
    flags = ("--rpc", room.anvil.url, "--deployments", str(room.deployments))
    data = ("--data", str(room.folder / identity.address))
    environment = {"HANDFAST_KEY": identity.secret.hex()}
    return CliRunner(env=environment).invoke(main, ["voter", *command, *flags, *data])


def standing(room: Courtroom, identity: Identity) -> dict[str, Any]:
    result = voter(room, identity, "status", "--json")
    assert result.exit_code == 0, result.output
    facts: dict[str, Any] = json.loads(result.stdout)
    return facts


def test_stake_moves_in_and_out_in_whole_tokens(room: Courtroom) -> None:
    me = room.voters[0]
    assert standing(room, me)["stake"] == str(STAKE)
    result = voter(room, me, "unstake", "100")
    assert result.exit_code == 0, result.output
    now = standing(room, me)
    assert (now["stake"], now["unstaking"]) == (str(STAKE - 100 * TOKENS), str(100 * TOKENS))
    poor = voter(room, me, "stake", "1")
    assert poor.exit_code == 3
    assert "no_funds" in poor.output


def test_a_person_votes_through_the_running_voters_folder(room: Courtroom, run: Any) -> None:
    async def drawn() -> tuple[int, tuple[str, ...]]:
        async with Chain(room.anvil.url) as chain:
            case = await open_case(room, chain)
            return case, await draw(room, chain, case)

    case, panel = run(drawn())
    me = next(each for each in room.voters if each.address in panel)
    (row,) = standing(room, me)["cases"]
    assert (row["case"], row["period"], row["we"]) == (case, "commit", "to be decided")
    for option, fault in (("3", "an option from 1 to 2"), ("1,2", "an option"), ("x", "neither")):
        refused = voter(room, me, "vote", str(case), option)
        assert refused.exit_code == 2
        assert fault in refused.output
    assert voter(room, me, "vote", str(case), "2").exit_code == 0
    assert standing(room, me)["cases"][0]["we"] == "decided by hand"
    assert Spool(room.folder / me.address / "votes").find(case, 0) == Choice(2)


def test_nobody_votes_without_a_seat(room: Courtroom, run: Any) -> None:
    async def opened() -> int:
        async with Chain(room.anvil.url) as chain:
            return await open_case(room, chain)

    case = run(opened())
    refused = voter(room, room.voters[0], "vote", str(case), "1")
    assert refused.exit_code == 3
    assert "not_voting" in refused.output
