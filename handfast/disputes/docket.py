"""Reads off the court where a case stands for one voter, and what its rounds said."""

from __future__ import annotations

from handfast.chain.court import Case, OracleCourt
from handfast.disputes.dossiers import Dossiers
from handfast.disputes.voting import Docket
from handfast.errors import Unavailable
from handfast.protocol.constants import CasePeriod


async def read_docket(court: OracleCourt, id_: int, voter: str, next_draw: int, at: int) -> Docket:
    """Where a case stood in a block.

    next_draw   the case whose draw was next, zero if none was
    raises      Unavailable if the node does not answer, Rejected if it does not keep the block
    """
    case = await court.case(id_, at=at)
    seat, word = None, 0
    if case.period in (CasePeriod.COMMIT, CasePeriod.REVEAL):
        panel = await court.panel_at(id_, case.round, at=at)
        seat = panel.index(voter) if voter in panel else None
        if seat is not None:
            word = await court.ballot_of(id_, case.round, voter, at=at)
    unsettled: tuple[int, ...] = ()
    if case.period is CasePeriod.RULED:
        unsettled = await _unsettled(court, id_, case, voter, at)
    return Docket(
        id=id_,
        client=case.client,
        kind=case.kind,
        period=case.period,
        round=case.round,
        ends_at=case.ends_at,
        draw_height=case.draw_height,
        size=case.size,
        seats=case.seats,
        commit_period=case.commit_period,
        committed=case.committed,
        revealed=case.revealed,
        seat=seat,
        word=word,
        is_next=next_draw == id_,
        unsettled=unsettled,
    )


async def _unsettled(
    court: OracleCourt, id_: int, case: Case, voter: str, at: int
) -> tuple[int, ...]:
    """Rounds with the voter on the panel that were not settled."""
    found = []
    for number in range(case.round + 1):
        if voter in await court.panel_at(id_, number, at=at):
            round_ = await court.round_of(id_, number, at=at)
            if not round_.settled:
                found.append(number)
    return tuple(found)


async def revealed_scores(
    court: OracleCourt, dossiers: Dossiers, id_: int, round_: int
) -> tuple[tuple[int, ...], ...]:
    """The words of each voter that revealed, in the order of the seats, as `tally` takes them.

    raises   Unavailable if the events are not all here
    """
    given = {
        event.arguments["voter"]: event.arguments["scores"][0]
        for event in dossiers.of_case(id_, "ScoresRevealed")
        if event.arguments["round"] == round_
    }
    panel = dict.fromkeys(await court.panel_at(id_, round_))
    found = tuple(tuple(given[voter]) for voter in panel if voter in given)
    if len(found) < len(given):
        raise Unavailable(f"the panel of case {id_} is another one than its events say")
    return found


def medians(dossiers: Dossiers, id_: int) -> tuple[int, ...]:
    """The words of the newest medians; zeros if there are none."""
    found = [event.arguments["medians"][0] for event in dossiers.of_case(id_, "MediansFound")]
    return tuple(found[-1]) if found else (0,) * 8
