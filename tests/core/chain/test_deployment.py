"""What a deployment is told is checked, and its file says it all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handfast.chain.deployment import (
    Allotment,
    Allotments,
    Deployed,
    Deployment,
    DeploymentParameters,
    path_of,
    read,
    save,
)
from handfast.errors import InvalidInput
from handfast.protocol.constants import TOKEN_SUPPLY

OWNER = "0x" + "a1" * 20
LOCAL = DeploymentParameters.local(OWNER)


def deployed(number: int) -> Deployed:
    return Deployed("0x" + f"{number:040x}", "0x" + f"{number:064x}")


DEPLOYMENT = Deployment(31_337, 7, OWNER, LOCAL, *(deployed(each) for each in range(1, 14)))


def test_names_every_contract() -> None:
    assert dict(DEPLOYMENT.contracts()) == {
        "MarketToken": deployed(1),
        "ParticipantRegistry": deployed(2),
        "PreimageRegistry": deployed(3),
        "ChannelHub": deployed(4),
        "ProductRegistry": deployed(5),
        "ReputationRollup": deployed(6),
        "ReputationLedger": deployed(7),
        "OracleCourt": deployed(8),
        "Marketplace": deployed(9),
        "ProductSale": deployed(10),
        "ModelTasks": deployed(11),
        "DeliveryProofs": deployed(12),
        "DataTasks": deployed(13),
    }


def test_survives_its_file(tmp_path: Path) -> None:
    path = save(DEPLOYMENT, tmp_path / "deployments")
    assert path == path_of(31_337, tmp_path / "deployments")
    assert read(path) == DEPLOYMENT


def test_writes_amounts_as_text(tmp_path: Path) -> None:
    content = json.loads(save(DEPLOYMENT, tmp_path).read_text())
    assert content["parameters"]["proposer_bond"] == str(LOCAL.proposer_bond)


def test_an_earlier_file_gives_way_only_when_asked(tmp_path: Path) -> None:
    save(DEPLOYMENT, tmp_path)
    later = replace(DEPLOYMENT, block=8)
    with pytest.raises(InvalidInput, match="earlier deployment"):
        save(later, tmp_path)
    assert read(path_of(31_337, tmp_path)) == DEPLOYMENT
    save(later, tmp_path, replace=True)
    assert read(path_of(31_337, tmp_path)) == later


def test_tells_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    path = save(DEPLOYMENT, tmp_path)
    content = json.loads(path.read_text())
    with pytest.raises(InvalidInput, match="No such file"):
        read(tmp_path / "none")
    path.write_text("{")
    with pytest.raises(InvalidInput, match="is no deployment"):
        read(path)
    del content["channel_hub"]["address"]
    path.write_text(json.dumps(content))
    with pytest.raises(InvalidInput, match=r"channel_hub\.address"):
        read(path)
    path.write_text("{}")
    with pytest.raises(InvalidInput, match="chain_id"):
        read(path)


def test_a_file_with_bad_parameters_is_refused(tmp_path: Path) -> None:
    path = save(DEPLOYMENT, tmp_path)
    path.write_text(path.read_text().replace('"window": 5', '"window": 0'))
    with pytest.raises(InvalidInput, match="window must be positive"):
        read(path)


def test_the_allotments_of_both_presets_are_the_supply() -> None:
    for preset in (LOCAL, DeploymentParameters.default(OWNER)):
        assert sum(part.amount for part in preset.allotments.all()) == TOKEN_SUPPLY


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"owner": "somebody"}, "'somebody' is not an address"),
        ({"unbonding_period": -1}, "unbonding_period must not be negative"),
        ({"product_challenge_blocks": -1}, "product_challenge_blocks must not be negative"),
        ({"min_challenge_period": 0}, "bounds of challenge periods"),
        ({"min_challenge_period": 2, "max_challenge_period": 1}, "bounds of challenge periods"),
        ({"shards": 0}, "shards must be positive"),
        ({"epoch_length": 0}, "epoch_length must be positive"),
        ({"window": 0}, "window must be positive"),
        ({"proposer_bond": 0}, "proposer_bond must be positive"),
        ({"court": replace(LOCAL.court, min_period=0)}, "the court's periods"),
        ({"court": replace(LOCAL.court, draw_delay=0)}, "the court's periods"),
        ({"court": replace(LOCAL.court, min_period=11)}, "out of the court's bounds"),
        ({"unbonding_period": 30}, "unbonding must take longer"),
        ({"min_task_period": 0}, "bounds of task periods"),
    ],
)
def test_refuses_what_the_contracts_would_refuse(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        replace(LOCAL, **change)


def test_refuses_allotments_that_are_not_the_supply() -> None:
    one, nothing = Allotment(OWNER, 1), Allotment(OWNER, 0)
    wrong = (
        Allotments(nothing, nothing, nothing, Allotment(OWNER, TOKEN_SUPPLY - 1)),
        Allotments(one, nothing, nothing, Allotment(OWNER, TOKEN_SUPPLY)),
        Allotments(Allotment(OWNER, -1), one, nothing, Allotment(OWNER, TOKEN_SUPPLY)),
    )
    for allotments in wrong:
        with pytest.raises(InvalidInput, match="the allotments are"):
            replace(LOCAL, allotments=allotments)
    nobody = Allotments(nothing, nothing, nothing, Allotment("0x", TOKEN_SUPPLY))
    with pytest.raises(InvalidInput, match="not an address"):
        replace(LOCAL, allotments=nobody)
