"""What do tasks for models and data cost, from creation to the last claim, beside iExec's?

    python -m benchmarks.tasks_gas [--write]      --write keeps them in tasks_gas.json

Runs on an Anvil of its own (Prague), with a court of five voters. Every figure is the `gasUsed` of
receipts, so it includes the 21,000 of each transaction and its calldata. Workers, voters and
requester have had MarketToken and allowed it before; nobody has met anybody, so that the ledger
writes each pair of partners for the first time. iExec's figures were measured in the same way: one
task there has no court, no commitments and one result.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from web3.contract.contract import ContractFunction
from web3.types import RPCEndpoint

from benchmarks.registry_gas import Costs, Town
from handfast.chain.anvil import CHAIN_ID, Anvil
from handfast.chain.marketplace import chunk_words, masked_words, sealed_words, shared_words
from handfast.crypto.keccak import keccak
from handfast.crypto.keys import Identity
from handfast.crypto.merkle import MerkleTree, leaf_hash
from handfast.disputes.rules import encode_header, hash_of, medians_of, words_of
from handfast.market.masking import MaskedKey, mask, prove_shared
from handfast.market.sealing import hash_key
from handfast.market.seals import ChunkProof, Seal
from handfast.protocol.constants import (
    CHUNK_BYTES,
    MAX_SUBMISSIONS,
    ROLE_CLIENT,
    ROLE_VOTER,
    SCALE,
    SEAT_STAKE,
    Metric,
)
from handfast.protocol.messages import DeliveryKey, Domain, Submission, Vote
from handfast.registry.possession import prove_possession
from handfast.storage.cid import Cid, Codec
from handfast.tasks.rules import validation_hash

RESULT = Path(__file__).with_suffix(".json")
WORKERS = 10
VOTERS = 5
HOUR, DAY = 3_600, 86_400
REWARD = 10**20
WEALTH = 10**22
CHUNKS = 244_141  # of 1 GB: the paths of a proof have 18 siblings
PER_WORKER = "one worker, commit + reveal + claim, at most"
TARGETS = {PER_WORKER: 250_000}
OTHERS = {"iExec PoCo, one worker": 1_523_252, "iExec PoCo, two workers": 2_193_325}


class TaskTown(Town):
    """A town with a court, a ledger and both kinds of tasks."""

    def __init__(self, anvil: Anvil) -> None:
        super().__init__(anvil)
        people = [Identity.parse(key) for key in anvil.keys[3:]]
        self.voters, self.workers = people[:VOTERS], people[VOTERS:]
        self.requester = self.client
        me = self.owner.address
        settings = (DAY, 1, HOUR, DAY)
        self.court = self.deploy("OracleCourt", self.token.address, self.registry.address, settings)
        pool = json.loads(Path("handfast/abi/VoterPool.json").read_text())["abi"]
        self.pool = self.web3.eth.contract(self.court.functions.VOTERS().call(), abi=pool)
        self.ledger = self.deploy("ReputationLedger", me)
        proofs = self.deploy("DeliveryProofs").address
        judged, bounds = (self.court.address, self.ledger.address), (HOUR, 30 * DAY)
        self.models = self.deploy("ModelTasks", *judged, self.token.address, *bounds)
        parts = *judged, self.registry.address, proofs, self.token.address, *bounds
        self.data = self.deploy("DataTasks", *parts)
        for tasks in (self.models, self.data):
            self.send(self.owner, self.ledger.functions.authoriseRecorder(tasks.address))
        for person in (self.requester, *people):
            self.send(self.owner, self.token.functions.transfer(person.address, WEALTH))
            for spender in (self.models, self.data, self.pool):
                self.send(person, self.token.functions.approve(spender.address, WEALTH))
        self.enlist(self.requester, ROLE_CLIENT)
        for voter in self.voters:
            self.enlist(voter, ROLE_VOTER)
            self.send(voter, self.pool.functions.stake(20 * SEAT_STAKE))

    def enlist(self, who: Identity, role: int) -> None:
        domain = Domain(CHAIN_ID, self.registry.address)
        pair = who.signing_key(1), who.decryption_key(1)
        keys = prove_possession(*pair, who.address, 1, domain).words()
        self.send(who, self.registry.functions.register((role, bytes(32), ""), keys, 0))

    def now(self) -> int:
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def at(self, second: int) -> None:
        """Mine a block at this second, if that is still to come."""
        if second > self.now():
            self.tell("evm_setNextBlockTimestamp", second)
            self.tell("evm_mine")

    def tell(self, method: str, *parameters: Any) -> Any:
        return self.web3.provider.make_request(RPCEndpoint(method), list(parameters))

    def do(self, sender: Identity, call: ContractFunction, gas: int = 5_000_000) -> int:
        """Gas used by a call in a block some seconds later."""
        self.pass_time(self.random.randint(1, 3))
        mined = call.transact({"from": sender.address, "gas": gas})
        receipt = self.web3.eth.wait_for_transaction_receipt(mined)
        assert receipt["status"] == 1, f"{call.fn_name} reverted"
        return int(receipt["gasUsed"])

    # ------------------------------------------------------------ the court

    def rule(self, case: int, vote: int | Sequence[int]) -> Costs:
        """The panel votes alike and nobody appeals; gas of each step."""
        court = self.court.functions
        height = court.caseOf(case).call()[7]
        self.tell("anvil_mine", hex(max(0, height + 1 - self.web3.eth.block_number)))
        block = self.tell("eth_getBlockByNumber", hex(height), False)["result"]
        costs = {"draw": self.do(self.owner, court.draw(case, encode_header(block)))}
        seats = court.panelOf(case).call()
        ballot = vote.to_bytes(32, "big") if isinstance(vote, int) else hash_of(words_of(vote))
        panel = [voter for voter in self.voters if voter.address in seats]
        costs["votes, commit"] = sum(self._commit(case, each, seats, ballot) for each in panel)
        costs["votes, reveal"] = sum(self._reveal(case, each, seats, vote) for each in panel)
        if not isinstance(vote, int):
            medians = medians_of([(1, vote)], len(vote))
            votes = [(words_of(medians),)] * len(panel)
            costs["tally"] = self.do(self.owner, court.tally(case, votes))
        self.at(court.caseOf(case).call()[6] + 1)
        costs["rule, and tell the client"] = self.do(self.owner, court.advance(case))
        assert court.rulingOf(case).call()[0]
        return costs

    def _commit(self, case: int, voter: Identity, seats: list[str], ballot: bytes) -> int:
        domain = Domain(CHAIN_ID, self.court.address)
        salt = keccak(voter.address.encode())
        digest = Vote(case, 0, voter.address, ballot, salt).digest(domain)
        seat = seats.index(voter.address)
        return self.do(voter, self.court.functions.commit(case, seat, digest, bytes(80)))

    def _reveal(self, case: int, voter: Identity, seats: list[str], vote: Any) -> int:
        seat, salt = seats.index(voter.address), keccak(voter.address.encode())
        functions = self.court.functions
        if isinstance(vote, int):
            return self.do(voter, functions.reveal(case, seat, vote, salt))
        return self.do(voter, functions.revealScores(case, seat, (words_of(vote),), salt))


def digest_of(name: object) -> bytes:
    return hashlib.sha256(str(name).encode()).digest()


def content(name: object) -> tuple[bytes, int]:
    return digest_of(name), int(Codec.DAG_PB)


def model_task(town: TaskTown, count: int) -> dict[str, list[int]]:
    """Gas of each step of a task of so many workers, all of whom take part to the end."""
    tasks, requester, workers = town.models.functions, town.requester, town.workers[:count]
    terms = (
        REWARD,
        content("description"),
        validation_hash(*content("validation"), bytes(32)),
        Metric.ACCURACY,
        SCALE // 2,
        SCALE // 100,
        town.now() + DAY,
        DAY,
        DAY,
        0,
        MAX_SUBMISSIONS,
        (VOTERS, HOUR, HOUR, HOUR),
    )
    steps = {"create": [town.do(requester, tasks.create(terms))]}
    task = tasks.taskCount().call()
    domain = Domain(CHAIN_ID, town.models.address)
    steps["commit"] = []
    for worker in workers:
        message = Submission(task, worker.address, digest_of(worker.address), bytes(32))
        call = tasks.commit(task, message.digest(domain))
        steps["commit"].append(town.do(worker, call))
    town.at(terms[6])
    steps["reveal"] = [
        town.do(worker, tasks.reveal(task, content(worker.address), bytes(32)))
        for worker in workers
    ]
    publish = tasks.publish(task, content("validation"), bytes(32))
    steps["publish"] = [town.do(requester, publish)]
    scores = [town.random.randrange(SCALE * 6 // 10, SCALE) for _ in workers]
    case = town.court.functions.caseCount().call()
    steps |= {step: [gas] for step, gas in town.rule(case, scores).items()}
    steps["settle"] = [town.do(requester, tasks.settle(task, (words_of(scores),)))]
    steps["claim"] = [town.do(worker, tasks.claim(task, worker.address)) for worker in workers]
    return steps


def models(town: TaskTown) -> Costs:
    """Ten workers from end to end, then what one and sixty-four change."""
    snapshot = town.tell("evm_snapshot")["result"]
    ten = model_task(town, WORKERS)
    total = sum(map(sum, ten.values()))
    each = [sum(parts) for parts in zip(ten["commit"], ten["reveal"], ten["claim"], strict=True)]
    costs = {f"{step}, 10 workers at most": max(gas) for step, gas in ten.items()}
    costs |= {PER_WORKER: max(each), "the whole task: 10 workers, 5 voters": total}
    for count in (1, MAX_SUBMISSIONS):
        town.tell("evm_revert", snapshot)
        snapshot = town.tell("evm_snapshot")["result"]
        steps = model_task(town, count)
        costs[f"settle, {count} worker{'s' if count > 1 else ''}"] = steps["settle"][0]
    town.tell("evm_revert", snapshot)
    return {f"models: {step}": gas for step, gas in costs.items()}


def sealed(key: bytes) -> tuple[Seal, ChunkProof]:
    """What seals content of 1 GB, and the proof of its first chunk, which is garbage."""
    chunk = bytes(CHUNK_BYTES)
    digests = [digest_of(number) for number in range(CHUNKS)]
    leaves = [leaf_hash(hashlib.sha256(chunk).digest()), *map(leaf_hash, digests[1:])]
    ciphertext, plaintext = MerkleTree(leaves), MerkleTree(map(leaf_hash, digests))
    seal = Seal(CHUNKS * CHUNK_BYTES, hash_key(key), plaintext.root, ciphertext.root)
    return seal, ChunkProof(0, chunk, digests[0], ciphertext.path(0), plaintext.path(0))


def deliver(town: TaskTown, task: int, worker: Identity, sent: bytes, seal: Seal) -> Any:
    """Gas of a delivery with this key, its words, and the requester's proof of the key."""
    domain = Domain(CHAIN_ID, town.data.address)
    context = DeliveryKey(task, worker.address).digest(domain)
    secret = town.requester.decryption_key(1)
    handed: MaskedKey = mask(sent, secret.public_key(), context)
    words = sealed_words(seal, Cid(Codec.DAG_PB, digest_of("bundle"))), masked_words(handed)
    gas = town.do(worker, town.data.functions.deliver(task, *words))
    return gas, (task, worker.address, *words, shared_words(prove_shared(secret, handed, context)))


def data(town: TaskTown) -> Costs:
    """A task of six: honest, wrong key, wrong chunk, a dispute won, one lost, one accepted."""
    tasks, requester, workers = town.data.functions, town.requester, town.workers
    key = town.word()
    seal, proof = sealed(key)
    deadline = town.now() + DAY
    panel = (VOTERS, HOUR, HOUR, HOUR)
    terms = (REWARD, REWARD, content("schema"), deadline, DAY, DAY, 0, MAX_SUBMISSIONS, panel)
    costs = {"create": town.do(requester, tasks.create(terms))}
    task = tasks.taskCount().call()
    keys = [key, town.word(), *[key] * 4]
    sent = [deliver(town, task, workers[i], keys[i], seal) for i in range(6)]
    costs["deliver"] = max(gas for gas, _ in sent)
    costs["prove a wrong key"] = town.do(requester, tasks.proveWrongKey(*sent[1][1]))
    wrong_chunk = tasks.proveWrongChunk(*sent[2][1], chunk_words(proof))
    costs["prove a wrong chunk of 1 GB"] = town.do(requester, wrong_chunk)
    town.at(deadline)
    costs["judge, three of six dishonest"] = town.do(requester, tasks.judge(task, 0b111000))
    for worker, choice in ((workers[3], 1), (workers[4], 2)):
        costs |= disputed(town, task, worker, choice)
    town.at(tasks.taskOf(task).call()[7])
    costs["settle"] = town.do(requester, tasks.settle(task))
    claims = [town.do(workers[i], tasks.claim(task, workers[i].address)) for i in (0, 3, 5)]
    costs["claim"] = max(claims)
    return {f"data: {step}": gas for step, gas in costs.items()}


def disputed(town: TaskTown, task: int, worker: Identity, choice: int) -> Costs:
    """A dispute from the worker's fee to the ruling, with the key opened to five voters."""
    tasks = town.data.functions
    opening = town.do(worker, tasks.dispute(task))
    case = town.court.functions.caseCount().call()
    kind = "won" if choice == 1 else "lost"
    costs = {f"a {kind} dispute, {step}": gas for step, gas in town.rule(case, choice).items()}
    total = opening + sum(costs.values())
    point = worker.decryption_key(1).public_key().words()
    words = [town.word() for _ in range(VOTERS)]
    opened = tasks.openKey(case, point, words).estimate_gas({"from": worker.address})
    return {
        "dispute": opening,
        "open the key to a panel of 5": opened,
        f"a {kind} dispute, rule and tell the client": costs[
            f"a {kind} dispute, rule, and tell the client"
        ],
        f"a {kind} dispute, from end to end": total + opened,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    arguments = parser.parse_args()
    accounts = 3 + VOTERS + MAX_SUBMISSIONS
    limits = ("--hardfork", "prague", "--gas-limit", "30000000")
    with Anvil.start(accounts=accounts, arguments=limits) as anvil:
        town = TaskTown(anvil)
        costs = models(town) | data(town)
    for step, gas in (costs | OTHERS).items():
        short = step.removeprefix("models: ")
        target = f"   (< {TARGETS[short]:,})" if short in TARGETS else ""
        print(f"{step:62} {gas:>10,}{target}")
    if arguments.write:
        RESULT.write_text(json.dumps({"gas": costs, "others": OTHERS}, indent=1) + "\n")
    if missed := [step for step, most in TARGETS.items() if costs[f"models: {step}"] >= most]:
        raise SystemExit(f"over target: {', '.join(missed)}")


if __name__ == "__main__":
    main()
