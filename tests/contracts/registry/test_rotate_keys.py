"""New keys need a new proof, and no proof is good twice. (SPEC RG-6)"""

from __future__ import annotations

from handfast.registry.possession import prove_possession
from tests.chain import plain, reverts
from tests.contracts.registry.conftest import secrets_of


def test_replaces_both_keys(bonded, provider, prove):
    keys = prove(provider, 2)
    transaction = bonded.rotateKeys(keys.words(), {"from": provider})
    participant = plain(bonded.participantOf(1))
    assert participant[3] == 2
    assert participant[10:] == (bytes(keys.signing), bytes(keys.decryption))
    changed = transaction.events["KeysChanged"]
    assert (changed["id"], changed["epoch"]) == (1, 2)


def test_reverts_when_an_old_proof_is_replayed(bonded, provider, prove):
    first, second = prove(provider, 1).words(), prove(provider, 2).words()
    bonded.rotateKeys(second, {"from": provider})
    for replayed in (first, second):
        with reverts("InvalidPossession", provider, 3):
            bonded.rotateKeys(replayed, {"from": provider})


def test_a_key_is_kept_by_proving_it_again(bonded, provider, domain):
    (kept, _), (_, new) = secrets_of(1), secrets_of(2)
    keys = prove_possession(kept, new, provider.address, 2, domain)
    bonded.rotateKeys(keys.words(), {"from": provider})
    assert plain(bonded.participantOf(1))[10:] == (
        bytes(kept.public_key()),
        bytes(new.public_key()),
    )


def test_reverts_when_sender_is_no_participant(bonded, stranger, prove):
    with reverts("NotParticipant", stranger):
        bonded.rotateKeys(prove(stranger).words(), {"from": stranger})


def test_reverts_when_the_proof_is_of_another_account(bonded, provider, stranger, prove):
    with reverts("InvalidPossession", provider, 2):
        bonded.rotateKeys(prove(stranger, 2).words(), {"from": provider})


def test_reverts_when_a_key_is_at_infinity(bonded, provider, prove):
    keys = prove(provider, 2).words()
    with reverts("KeyAtInfinity"):
        bonded.rotateKeys(((0, 0, 0, 0), *keys[1:]), {"from": provider})
