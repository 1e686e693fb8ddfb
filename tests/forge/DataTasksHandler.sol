// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {BLS12381, CompressedG1, G1Point, G2Point} from "../../contracts/crypto/BLS12381.sol";
import {EqualityProof} from "../../contracts/crypto/ChaumPedersen.sol";
import {
    BLS_POSSESSION_TAG,
    ROLE_CLIENT,
    SCALE,
    SEAL_MASK_TAG,
    SEAL_PROOF_TAG,
    SEAT_FEE,
    SUBMISSION_DEPOSIT
} from "../../contracts/protocol/Constants.sol";
import {DeliveryState} from "../../contracts/protocol/Enums.sol";
import {DeliveryKey, KeyPossession, Messages} from "../../contracts/protocol/Messages.sol";
import {ParticipantRegistry} from "../../contracts/registry/ParticipantRegistry.sol";
import {ParticipantRules} from "../../contracts/registry/ParticipantRules.sol";
import {DataTasks} from "../../contracts/tasks/DataTasks.sol";
import {DeliveryProofs} from "../../contracts/tasks/DeliveryProofs.sol";
import {DataTask, DataTaskId, DataTerms, DeliveryStatus} from "../../interfaces/IDataTasks.sol";
import {Content} from "../../interfaces/IModelTasks.sol";
import {CaseId, IOracleCourt} from "../../interfaces/IOracleCourt.sol";
import {Profile, ProvenKeys} from "../../interfaces/IParticipantRegistry.sol";
import {MaskedKey, Sealed, SharedPoint} from "../../interfaces/ISealing.sol";
import {TaskWorld} from "./TaskWorld.sol";
import {vm} from "./Vm.sol";

/// @title DataTasksHandler
/// @notice What can be done with data tasks, each noted where it goes another way than it should.
/// @dev All secrets are one, keys as well as ephemerals: so every point is the generator, and every proof is quickly made.
contract DataTasksHandler is TaskWorld {
    DataTasks public immutable TASKS;
    ParticipantRegistry public immutable REGISTRY;

    bytes32 private constant _KEY = bytes32(uint256(42));

    mapping(CaseId caseId => bool) private _resolved;
    mapping(DataTaskId task => bool) private _settled;

    constructor() {
        REGISTRY = new ParticipantRegistry(TOKEN, address(this), 1 days);
        TASKS = new DataTasks(
            IOracleCourt(address(COURT)), LEDGER, REGISTRY, new DeliveryProofs(), TOKEN, _MIN_PERIOD, _MAX_PERIOD
        );
        _let(address(TASKS));
        for (uint256 i; i < _ACTORS; ++i) {
            _register(_actors[i]);
        }
    }

    // ------------------------------------------------------------------ actions

    function create(uint256 seed) external drawing(seed) {
        if (TASKS.taskCount() == _MAX_TASKS) return;
        uint128 reward = uint128(1 + _draw(_draw(2) == 0 ? 10 : 1e24));
        DataTerms memory terms = DataTerms({
            reward: reward,
            compensation: reward + uint128(_draw(1e20)),
            schema: Content(0, 0x70),
            deadline: uint40(_time + 1 + _draw(6 hours)),
            judgingPeriod: uint32(_MIN_PERIOD + _draw(1 days)),
            disputePeriod: uint32(_MIN_PERIOD + _draw(1 days)),
            minimumReputation: -int64(uint64(_draw(11 * SCALE))),
            maxDeliveries: uint8(1 + _draw(_ACTORS)),
            panel: _panel()
        });
        vm.prank(_anyActor());
        TASKS.create(terms);
        done["create"]++;
    }

    function deliver(uint256 seed) external drawing(seed) {
        (DataTaskId task, bool some) = _anyTask();
        if (!some) return;
        address worker = _anyActor();
        (Sealed memory sealed_, MaskedKey memory masked) = _delivery(task, worker);
        vm.prank(worker);
        try TASKS.deliver(task, sealed_, masked) {
            done["deliver"]++;
        } catch {}
    }

    function proveWrongKey(uint256 seed) external drawing(seed) {
        (DataTaskId task, bool some) = _anyTask();
        if (!some) return;
        address worker = _anyActor();
        (Sealed memory sealed_, MaskedKey memory masked) = _delivery(task, worker);
        SharedPoint memory point = _shown(_contextOf(task, worker));
        vm.prank(TASKS.taskOf(task).requester);
        try TASKS.proveWrongKey(task, worker, sealed_, masked, point) {
            bool void_ = TASKS.deliveryOf(task, worker).state == DeliveryState.Void;
            _expect(void_ == _isLiar(worker), "the wrong one lost a claim");
            done[void_ ? "voided" : "upheld"]++;
        } catch {}
    }

    function judge(uint256 seed) external drawing(seed) {
        (DataTaskId task, bool some) = _anyTask();
        if (!some) return;
        DataTask memory before = TASKS.taskOf(task);
        vm.prank(before.requester);
        try TASKS.judge(task, _draw(1 << before.delivered)) {
            done["judge"]++;
        } catch {}
    }

    function dispute(uint256 seed) external drawing(seed) {
        (DataTaskId task, bool some) = _anyTask();
        if (!some) return;
        for (uint256 i; i < _ACTORS; ++i) {
            vm.prank(_actors[i]);
            try TASKS.dispute(task) {
                done["dispute"]++;
                return;
            } catch {}
        }
    }

    function rule(uint256 seed) external drawing(seed) {
        uint256 count = COURT.caseCount();
        if (count != 0) _rule(CaseId.wrap(count - _draw(count < 5 ? count : 5)));
    }

    function resolve(uint256 seed) external drawing(seed) {
        uint256 count = COURT.caseCount();
        if (count != 0) _resolve(CaseId.wrap(count - _draw(count < 5 ? count : 5)));
    }

    function settle(uint256 seed) external drawing(seed) {
        (DataTaskId task, bool some) = _anyTask();
        if (some) _settle(task);
    }

    function claim(uint256 seed) external drawing(seed) {
        (DataTaskId task, bool some) = _anyTask();
        if (some) _claim(task, _anyActor());
    }

    /// @notice Everything ends without anybody's consent, and leaves nothing. (SPEC DT-I1 to DT-I3)
    function finish() external {
        _time += 3 * _MAX_PERIOD;
        vm.warp(_time);
        for (uint256 i = 1; i <= COURT.caseCount(); ++i) {
            _rule(CaseId.wrap(i));
            _resolve(CaseId.wrap(i));
            _expect(_resolved[CaseId.wrap(i)], "a ruling is not taken over");
        }
        for (uint256 i = 1; i <= TASKS.taskCount(); ++i) {
            DataTaskId task = DataTaskId.wrap(i);
            _settle(task);
            _expect(TASKS.taskOf(task).isSettled, "a task does not end");
            for (uint256 j; j < _ACTORS; ++j) {
                _claim(task, _actors[j]);
                _expect(_isPaid(task, _actors[j]), "a worker is not paid");
            }
        }
        _expect(TOKEN.balanceOf(address(TASKS)) == 0, "something is left that nobody can claim");
    }

    // ------------------------------------------------------------------ what is checked

    /// @notice What the contract owes. (SPEC DT-I1)
    function owed() external view returns (uint256 sum) {
        for (uint256 i = 1; i <= TASKS.taskCount(); ++i) {
            sum += _owed(DataTaskId.wrap(i));
        }
    }

    function _owed(DataTaskId id) private view returns (uint256 sum) {
        DataTask memory task = TASKS.taskOf(id);
        uint256 share = task.honest == 0 ? 0 : task.reward / task.honest;
        if (!task.isSettled) sum = task.reward + task.compensation + task.security;
        for (uint256 i; i < _ACTORS; ++i) {
            (bool some, DeliveryStatus memory status) = _statusOf(id, _actors[i]);
            if (!some) continue;
            bool honest = status.state == DeliveryState.Delivered || status.state == DeliveryState.Honest;
            if (!status.isClaimed) sum += SUBMISSION_DEPOSIT;
            if (honest && task.isSettled && !status.isClaimed) sum += share;
            if (honest && !task.isSettled && status.isClaimed) sum -= share;
            bool won = status.state == DeliveryState.Vindicated;
            if (won && task.isSettled && !status.isClaimed) sum += task.compensation / task.won;
        }
    }

    // ------------------------------------------------------------------ internals

    function _rule(CaseId caseId) private {
        if (COURT.rulingOf(caseId).isFinal) return;
        COURT.rule(caseId, uint16(_draw(3)), 0, _draw(3) == 0 ? 0 : _draw(5 * SEAT_FEE));
        done["rule"]++;
    }

    function _resolve(CaseId caseId) private {
        bool isFinal = COURT.rulingOf(caseId).isFinal;
        try TASKS.resolve(caseId) {
            _expect(isFinal && !_resolved[caseId], "resolved against the rules");
            _resolved[caseId] = true;
            done["resolve"]++;
        } catch {
            _expect(!isFinal || _resolved[caseId], "a ruling was refused");
        }
    }

    function _settle(DataTaskId task) private {
        try TASKS.settle(task) {
            _expect(!_settled[task], "settled twice");
            _settled[task] = true;
            done["settle"]++;
        } catch {}
    }

    function _claim(DataTaskId task, address worker) private {
        uint256 due;
        try TASKS.claimable(task, worker) returns (uint256 amount) {
            due = amount;
        } catch {}
        uint256 before = TOKEN.balanceOf(worker);
        try TASKS.claim(task, worker) {
            done["claim"]++;
        } catch {
            _expect(due == 0, "a claim was refused");
        }
        _expect(TOKEN.balanceOf(worker) - before == due, "a claim paid something else");
        if (due != 0) _expect(TASKS.claimable(task, worker) == 0, "a claim can be repeated");
    }

    function _isPaid(DataTaskId task, address worker) private view returns (bool) {
        (bool some, DeliveryStatus memory status) = _statusOf(task, worker);
        return !some || status.isClaimed;
    }

    function _statusOf(DataTaskId task, address worker) private view returns (bool some, DeliveryStatus memory status) {
        try TASKS.deliveryOf(task, worker) returns (DeliveryStatus memory known) {
            (some, status) = (true, known);
        } catch {}
    }

    function _anyTask() private returns (DataTaskId task, bool some) {
        uint256 count = TASKS.taskCount();
        if (count != 0) (task, some) = (DataTaskId.wrap(count - _draw(count < 3 ? count : 3)), true);
    }

    /// @dev Two workers hand over a key that is not the promised one.
    function _isLiar(address worker) private view returns (bool) {
        return worker == _actors[0] || worker == _actors[1];
    }

    function _delivery(DataTaskId task, address worker) private view returns (Sealed memory, MaskedKey memory) {
        CompressedG1 memory shared = BLS12381.compress(BLS12381.generator());
        bytes32 mask = keccak256(abi.encodePacked(SEAL_MASK_TAG, _contextOf(task, worker), shared.head, shared.tail));
        bytes32 key = _isLiar(worker) ? bytes32(0) : _KEY;
        return (Sealed(keccak256(abi.encode(_KEY)), 0, 0, 0, 0x70, 1_000), MaskedKey(BLS12381.generator(), mask ^ key));
    }

    function _shown(bytes32 context) private pure returns (SharedPoint memory) {
        G1Point memory one = BLS12381.generator();
        bytes memory statement = abi.encode(one, one, one, one, one);
        uint256 challenge = uint256(keccak256(abi.encodePacked(SEAL_PROOF_TAG, context, statement))) % BLS12381.ORDER;
        return SharedPoint(one, one, EqualityProof(challenge, addmod(1, challenge, BLS12381.ORDER)));
    }

    function _contextOf(DataTaskId task, address worker) private view returns (bytes32) {
        return _digest(address(TASKS), Messages.hash(DeliveryKey(DataTaskId.unwrap(task), worker)));
    }

    function _register(address account) private {
        G1Point memory one = BLS12381.generator();
        CompressedG1 memory key = BLS12381.compress(one);
        bytes32 message = Messages.hash(KeyPossession(account, 1, ParticipantRules.hashOf(key, key)));
        bytes memory signed = abi.encodePacked(_digest(address(REGISTRY), message));
        G2Point memory proof = BLS12381.hashToG2(signed, bytes(BLS_POSSESSION_TAG));
        vm.prank(account);
        REGISTRY.register(Profile(uint32(ROLE_CLIENT), 0, ""), ProvenKeys(one, one, proof, proof), 0);
    }
}
