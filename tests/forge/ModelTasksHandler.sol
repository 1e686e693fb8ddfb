// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {NO_VALIDATION, SCALE, SUBMISSION_DEPOSIT} from "../../contracts/protocol/Constants.sol";
import {Metric, ModelOutcome} from "../../contracts/protocol/Enums.sol";
import {Messages, Submission} from "../../contracts/protocol/Messages.sol";
import {ModelTasks} from "../../contracts/tasks/ModelTasks.sol";
import {Content, ModelTask, ModelTaskId, ModelTerms} from "../../interfaces/IModelTasks.sol";
import {CaseId, IOracleCourt, Scores} from "../../interfaces/IOracleCourt.sol";
import {TaskWorld} from "./TaskWorld.sol";
import {vm} from "./Vm.sol";

/// @title ModelTasksHandler
/// @notice What can be done with model tasks, each noted where it goes another way than it should.
contract ModelTasksHandler is TaskWorld {
    ModelTasks public immutable TASKS;

    mapping(ModelTaskId task => Scores) private _scores;
    mapping(ModelTaskId task => ModelOutcome) private _outcomes;

    constructor() {
        TASKS = new ModelTasks(IOracleCourt(address(COURT)), LEDGER, TOKEN, _MIN_PERIOD, _MAX_PERIOD);
        _let(address(TASKS));
    }

    // ------------------------------------------------------------------ actions

    function create(uint256 seed) external drawing(seed) {
        if (TASKS.taskCount() == _MAX_TASKS) return;
        ModelTerms memory terms = ModelTerms({
            reward: uint96(1 + _draw(_draw(2) == 0 ? 10 : 1e24)),
            description: Content(0, 0x70),
            validation: TASKS.validationHash(_content(99), 0),
            metric: Metric.Accuracy,
            threshold: uint32(_draw(SCALE + 1)),
            tolerance: 0,
            deadline: uint40(_time + 1 + _draw(6 hours)),
            revealPeriod: uint32(_MIN_PERIOD + _draw(1 days)),
            publishPeriod: uint32(_MIN_PERIOD + _draw(1 days)),
            minimumReputation: -int64(uint64(_draw(11 * SCALE))),
            maxSubmissions: uint8(1 + _draw(_ACTORS)),
            panel: _panel()
        });
        vm.prank(_anyActor());
        TASKS.create(terms);
        done["create"]++;
    }

    function commit(uint256 seed) external drawing(seed) {
        (ModelTaskId task, bool some) = _anyTask();
        if (!some) return;
        address worker = _anyActor();
        Submission memory message = Submission(ModelTaskId.unwrap(task), worker, _modelOf(worker).digest, 0);
        bytes32 commitment = _digest(address(TASKS), Messages.hash(message));
        vm.prank(worker);
        try TASKS.commit(task, commitment) {
            done["commit"]++;
        } catch {}
    }

    function reveal(uint256 seed) external drawing(seed) {
        (ModelTaskId task, bool some) = _anyTask();
        if (!some) return;
        uint256 first = _draw(_ACTORS);
        for (uint256 i; i < _ACTORS; ++i) {
            address worker = _actors[(first + i) % _ACTORS];
            vm.prank(worker);
            try TASKS.reveal(task, _modelOf(worker), 0) {
                done["reveal"]++;
                return;
            } catch {}
        }
    }

    function publish(uint256 seed) external drawing(seed) {
        (ModelTaskId task, bool some) = _anyTask();
        if (!some) return;
        vm.prank(TASKS.taskOf(task).requester);
        try TASKS.publish(task, _content(99), 0) {
            done["publish"]++;
        } catch {}
    }

    function rule(uint256 seed) external drawing(seed) {
        (ModelTaskId task, bool some) = _anyTask();
        if (some) _rule(task);
    }

    function settle(uint256 seed) external drawing(seed) {
        (ModelTaskId task, bool some) = _anyTask();
        if (some) _settle(task);
    }

    function claim(uint256 seed) external drawing(seed) {
        (ModelTaskId task, bool some) = _anyTask();
        if (some) _claim(task, _anyActor());
    }

    /// @notice Everything ends without anybody's consent, and leaves nothing. (SPEC MT-I1 to MT-I3)
    function finish() external {
        _time += 3 * _MAX_PERIOD;
        vm.warp(_time);
        for (uint256 i = 1; i <= TASKS.taskCount(); ++i) {
            ModelTaskId task = ModelTaskId.wrap(i);
            _rule(task);
            _settle(task);
            _expect(TASKS.taskOf(task).outcome != ModelOutcome.Absent, "a task does not end");
            for (uint256 j; j < _ACTORS; ++j) {
                _claim(task, _actors[j]);
                _expect(!_isOwed(task, _actors[j]), "a worker is not paid");
            }
        }
        _expect(TOKEN.balanceOf(address(TASKS)) == 0, "something is left that nobody can claim");
    }

    // ------------------------------------------------------------------ what is checked

    /// @notice What the contract owes. (SPEC MT-I1)
    function owed() external view returns (uint256 sum) {
        for (uint256 i = 1; i <= TASKS.taskCount(); ++i) {
            ModelTaskId id = ModelTaskId.wrap(i);
            ModelTask memory task = TASKS.taskOf(id);
            if (task.outcome == ModelOutcome.Absent) {
                sum += task.reward + task.committed * SUBMISSION_DEPOSIT;
                if (CaseId.unwrap(task.caseId) == 0) sum += task.fee;
            } else {
                sum += _claimable(id);
            }
        }
    }

    function _claimable(ModelTaskId task) private view returns (uint256 sum) {
        for (uint256 i; i < _ACTORS; ++i) {
            try TASKS.claimable(task, _actors[i]) returns (uint256 amount) {
                sum += amount;
            } catch {}
        }
    }

    // ------------------------------------------------------------------ internals

    function _rule(ModelTaskId task) private {
        CaseId caseId = TASKS.taskOf(task).caseId;
        if (CaseId.unwrap(caseId) == 0 || COURT.rulingOf(caseId).isFinal) return;
        Scores memory scores;
        uint256 kind = _draw(4);
        for (uint256 i; i < 8 && kind != 0; ++i) {
            scores.words[i] = uint256(keccak256(abi.encode(_seed, i)));
        }
        if (kind == 1) scores.words[0] |= NO_VALIDATION << 224;
        _scores[task] = scores;
        COURT.rule(caseId, 0, kind == 0 ? bytes32(0) : keccak256(abi.encode(scores)), 0);
        done["rule"]++;
    }

    function _settle(ModelTaskId task) private {
        ModelOutcome before = _outcomes[task];
        try TASKS.settle(task, _scores[task]) {
            _expect(before == ModelOutcome.Absent, "settled twice");
            _outcomes[task] = TASKS.taskOf(task).outcome;
            done["settle"]++;
        } catch {}
        _expect(TASKS.taskOf(task).outcome == _outcomes[task], "an outcome changed");
    }

    function _claim(ModelTaskId task, address worker) private {
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
        if (due != 0) _expect(!_isOwed(task, worker), "a claim can be repeated");
    }

    function _isOwed(ModelTaskId task, address worker) private view returns (bool) {
        try TASKS.submissionOf(task, worker) {
            return true;
        } catch {
            return false;
        }
    }

    function _anyTask() private returns (ModelTaskId task, bool some) {
        uint256 count = TASKS.taskCount();
        if (count != 0) (task, some) = (ModelTaskId.wrap(count - _draw(count < 3 ? count : 3)), true);
    }

    /// @dev Two workers have the same model.
    function _modelOf(address worker) private view returns (Content memory) {
        return _content(worker == _actors[1] ? uint160(_actors[0]) : uint160(worker));
    }

    function _content(uint256 name) private pure returns (Content memory) {
        return Content(keccak256(abi.encode(name)), 0x70);
    }
}
