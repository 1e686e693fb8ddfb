// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {HostileBlocklistToken} from "../../contracts/mocks/HostileTokens.sol";
import {HostileWallet} from "../../contracts/mocks/HostileWallet.sol";
import {ChannelPhase, LockOutcome} from "../../contracts/protocol/Enums.sol";
import {CooperativeClose, Messages, Opening, State, Withdrawal} from "../../contracts/protocol/Messages.sol";
import {Channel, ChannelId, ChannelParameters, Lock, LockProof} from "../../interfaces/IChannelHub.sol";
import {ChannelWorld} from "./ChannelWorld.sol";
import {vm} from "./Vm.sol";

/// @title ChannelHandler
/// @notice What can be done in a ChannelWorld, each noted where it goes another way than it should.
/// @dev Never reverts on purpose: a revert would take the note with it.
contract ChannelHandler is ChannelWorld {
    // ------------------------------------------------------------------ actions: money in

    function fund(uint256 seed) external drawing(seed) {
        _fund(_draw(_TOKENS), _draw(_ACTORS), _draw(100 ether));
        _observe();
    }

    function open(uint256 seed) external drawing(seed) {
        if (_channels.length == _MAX_CHANNELS) return;
        uint256 token = _draw(_TOKENS);
        Known storage known = _channels.push();
        known.client = _draw(_ACTORS);
        known.provider = (known.client + 1 + _draw(_ACTORS - 1)) % _ACTORS;
        known.parameters = ChannelParameters({
            client: _actors[known.client].account,
            provider: _actors[known.provider].account,
            token: _tokens[token],
            challengePeriod: uint64(1 hours + _draw(9 days)),
            salt: bytes32(++_salt)
        });
        known.id = HUB.idOf(known.parameters);
        bool byClient = _draw(2) == 0;
        uint256 own = _draw(50 ether);
        uint256 other = token == _TAXED || _draw(3) == 0 ? 0 : _draw(50 ether);
        if (other != 0) _fund(token, byClient ? known.provider : known.client, other + _draw(2));
        _open(known, byClient, uint128(own), uint128(other));
        _observe();
    }

    function _open(Known storage known, bool byClient, uint128 own, uint128 other) private {
        (uint128 ofClient, uint128 ofProvider) = byClient ? (own, other) : (other, own);
        uint256 counterparty = byClient ? known.provider : known.client;
        bytes32 message = Messages.hash(Opening(ChannelId.unwrap(known.id), ofClient, ofProvider, type(uint64).max));
        bytes memory signature = _sign(counterparty, message);
        address opener = byClient ? known.parameters.client : known.parameters.provider;
        bool agreed = other == 0 || _consents(counterparty);
        vm.prank(opener);
        try HUB.open{value: known.parameters.token == address(0) ? own : 0, gas: _GAS}(
            known.parameters, ofClient, ofProvider, type(uint64).max, signature
        ) {
            _expect(agreed, "opened without the counterparty's consent");
            done["open"]++;
        } catch {
            _channels.pop();
        }
    }

    function topUp(uint256 seed) external drawing(seed) {
        if (_channels.length == 0) return;
        Known storage known = _anyChannel();
        uint256 amount = _draw(10 ether);
        address party = _draw(2) == 0 ? known.parameters.client : known.parameters.provider;
        vm.prank(_actors[_draw(_ACTORS)].account);
        try HUB.topUp{value: known.parameters.token == address(0) ? amount : 0, gas: _GAS}(
            known.parameters, party, amount
        ) {
            _expect(known.phase == ChannelPhase.Open, "topped up a channel that is not open");
            done["topUp"]++;
        } catch {}
        _observe();
    }

    function donate(uint256 seed) external drawing(seed) {
        // A wallet's hook would call back from outside of any action of the hub, which is its right.
        address giver = _actors[_draw(_ACTORS - _WALLETS)].account;
        vm.prank(giver);
        try IERC20(_tokens[1 + _draw(_TOKENS - 1)]).transfer{gas: _GAS}(address(HUB), _draw(1 ether)) {
            done["donate"]++;
        } catch {}
        _observe();
    }

    // ------------------------------------------------------------------ actions: life

    function withdraw(uint256 seed) external drawing(seed) {
        if (_channels.length == 0) return;
        Known storage known = _anyChannel();
        bool byClient = _draw(2) == 0;
        uint128 total = uint128(_draw(60 ether));
        address account = byClient ? known.parameters.client : known.parameters.provider;
        bytes32 message = Messages.hash(Withdrawal(ChannelId.unwrap(known.id), account, total, type(uint64).max));
        (bytes memory ofClient, bytes memory ofProvider, bool agreed) = _signBoth(known, message);
        address caller = _anyCaller(known);
        agreed = agreed || _callerCompletes(known, caller);
        vm.prank(caller);
        try HUB.withdraw{gas: _GAS}(known.parameters, account, total, type(uint64).max, ofClient, ofProvider) {
            _expect(agreed && known.phase == ChannelPhase.Open, "withdrew against the rules");
            done["withdraw"]++;
        } catch {}
        _observe();
    }

    function closeCooperatively(uint256 seed) external drawing(seed) {
        if (_channels.length == 0 || _draw(4) != 0) return;
        Known storage known = _anyChannel();
        int128 transferred = _anyTransfer();
        bytes32 products = bytes32(_draw(2));
        bytes32 message =
            Messages.hash(CooperativeClose(ChannelId.unwrap(known.id), transferred, products, type(uint64).max));
        (bytes memory ofClient, bytes memory ofProvider, bool agreed) = _signBoth(known, message);
        address caller = _anyCaller(known);
        agreed = agreed || _callerCompletes(known, caller);
        bool live = known.phase == ChannelPhase.Open || known.phase == ChannelPhase.Closing;
        (Channel memory before, uint256 wealth) = (HUB.channelOf(known.id), _wealthOfClient(known));
        vm.prank(caller);
        try HUB.closeCooperatively{gas: _GAS}(
            known.parameters, transferred, products, type(uint64).max, ofClient, ofProvider
        ) {
            _expect(agreed && live, "closed against the rules");
            delete known.locks;
            delete known.state;
            known.state.transferred = transferred;
            _divide(known, before);
            known.received = _wealthOfClient(known) - wealth;
            done["closeCooperatively"]++;
        } catch {
            _expect(!(agreed && live), "an agreed close was refused");
        }
        _observe();
    }

    function registerState(uint256 seed) external drawing(seed) {
        if (_channels.length == 0) return;
        Known storage known = _anyChannel();
        for (uint256 tries = 1 + _draw(3); tries != 0; --tries) {
            _register(known);
            _observe();
        }
    }

    function _register(Known storage known) private {
        Lock[] memory locks = _anyLocks();
        State memory state = _anyState(known, locks);
        (bytes memory ofClient, bytes memory ofProvider, bool agreed) = _signBoth(known, Messages.hash(state));
        address caller = _anyCaller(known);
        agreed = agreed || state.version == 0 || _callerCompletes(known, caller);
        bool allowed = agreed && _mayRegister(known, caller, state.version);
        vm.prank(caller);
        try HUB.registerState{gas: _GAS}(known.parameters, state, ofClient, ofProvider) {
            _expect(allowed, "registered against the rules");
            known.state = state;
            _keepLocks(known, locks);
            done[known.phase == ChannelPhase.Open ? "registerState" : "replaceState"]++;
        } catch {
            _expect(!allowed, "a good state was refused");
        }
    }

    function settle(uint256 seed) external drawing(seed) {
        if (_channels.length == 0) return;
        Known storage known = _anyChannel();
        if (_draw(3) == 0) _passTimeTo(known.end);
        bool due = known.phase == ChannelPhase.Closing && block.timestamp > known.end;
        LockProof[] memory proofs = _someProofs(known);
        (Channel memory before, uint256 wealth) = (HUB.channelOf(known.id), _wealthOfClient(known));
        vm.prank(_actors[_draw(_ACTORS)].account);
        try HUB.settle{gas: _GAS}(known.parameters, known.state, proofs) {
            _expect(due, "settled against the rules");
            _divide(known, before);
            known.received = _wealthOfClient(known) - wealth;
            done["settle"]++;
        } catch {
            _expect(!due, "a settlement was blocked");
        }
        _observe();
    }

    function resolve(uint256 seed) external drawing(seed) {
        if (_channels.length == 0) return;
        Known storage known = _anyChannel();
        if (known.locks.length != 0 && _draw(3) == 0) _passTimeTo(known.locks[_draw(known.locks.length)].expiry);
        bool due = known.phase == ChannelPhase.Closed && known.locks.length != 0;
        LockProof[] memory proofs = _someProofs(known);
        (Channel memory before, uint256 wealth) = (HUB.channelOf(known.id), _wealthOfClient(known));
        vm.prank(_actors[_draw(_ACTORS)].account);
        try HUB.resolve{gas: _GAS}(known.parameters, known.state, proofs) {
            _expect(known.phase == ChannelPhase.Closed, "resolved against the rules");
            known.received += _wealthOfClient(known) - wealth;
            Channel memory found = HUB.channelOf(known.id);
            bool moved =
                found.lockedByClient != before.lockedByClient || found.lockedByProvider != before.lockedByProvider;
            if (moved) done["resolve"]++;
        } catch {
            _expect(!due, "a resolution was blocked");
        }
        _observe();
    }

    /// @notice One party leaves alone, whatever the other and the wallets do. (SPEC CH-I5)
    function leave(uint256 seed) external drawing(seed) {
        if (_channels.length == 0 || _draw(3) != 0) return;
        Known storage known = _anyChannel();
        _leave(known, _draw(2) == 0 ? known.parameters.client : known.parameters.provider);
        _observe();
    }

    // ------------------------------------------------------------------ actions: the world

    function reveal(uint256 seed) external drawing(seed) {
        if (_draw(3) != 0) return;
        bytes32 preimage = bytes32(_draw(_SECRETS));
        uint256 before = PREIMAGES.revealedAt(keccak256(abi.encode(preimage)));
        PREIMAGES.reveal(preimage);
        uint256 time = PREIMAGES.revealedAt(keccak256(abi.encode(preimage)));
        _expect(time == (before == 0 ? block.timestamp : before), "a reveal has the wrong time");
        _observe();
    }

    function collect(uint256 seed) external drawing(seed) {
        Actor memory actor = _actors[_draw(_ACTORS)];
        address token = _tokens[_draw(_TOKENS)];
        uint256 credit = HUB.creditOf(token, actor.account);
        uint256 amount = _draw(credit + 2);
        vm.prank(actor.account);
        try HUB.collect{gas: _GAS}(token, _actors[_draw(_ACTORS)].account, amount) {
            _expect(amount <= credit, "collected more than the credit");
            done["collect"]++;
        } catch {}
        _observe();
    }

    /// @dev Some hours, or to the very second at which something ends, or to the next.
    function passTime(uint256 seed) external drawing(seed) {
        uint256 time = block.timestamp + _draw(6 hours);
        if (_channels.length != 0 && _draw(2) == 0) {
            Known storage known = _anyChannel();
            uint256 end = known.end;
            if (known.locks.length != 0 && _draw(2) == 0) end = known.locks[_draw(known.locks.length)].expiry;
            time = end + _draw(2);
        }
        _passTimeTo(time);
        _observe();
    }

    function changeMood(uint256 seed) external drawing(seed) {
        HostileWallet wallet = _actors[_ACTORS - 1 - _draw(_WALLETS)].wallet;
        wallet.behave(_anyMood(), _anyMood());
        address token = _tokens[_draw(_TOKENS)];
        bytes memory callback = abi.encodeCall(HUB.collect, (token, address(wallet), 1));
        if (_channels.length != 0 && _draw(2) == 0) {
            Known storage known = _anyChannel();
            callback = abi.encodeCall(HUB.settle, (known.parameters, known.state, new LockProof[](0)));
        }
        wallet.plan(address(HUB), callback);
    }

    function changeList(uint256 seed) external drawing(seed) {
        HostileBlocklistToken(_tokens[2]).setBlocked(_actors[_draw(_ACTORS)].account, _draw(2) == 0);
    }

    // ------------------------------------------------------------------ the end of a run

    /// @notice Everybody leaves, every lock resolves, everything is collected. (SPEC CH-I5)
    function finish() external {
        for (uint256 i; i < _ACTORS; ++i) {
            if (address(_actors[i].wallet) == address(0)) continue;
            _actors[i].wallet.behave(HostileWallet.Mood.Refuse, HostileWallet.Mood.Refuse);
        }
        for (uint256 i; i < _channels.length; ++i) {
            if (_channels[i].phase != ChannelPhase.Closed) _leave(_channels[i], _channels[i].parameters.client);
        }
        vm.warp(block.timestamp + 100 days);
        for (uint256 i; i < _channels.length; ++i) {
            Known storage known = _channels[i];
            if (known.locks.length == 0) continue;
            LockProof[] memory proofs = new LockProof[](known.locks.length);
            for (uint256 at; at < proofs.length; ++at) {
                proofs[at] = _proof(known, at, "");
            }
            uint256 wealth = _wealthOfClient(known);
            HUB.resolve(known.parameters, known.state, proofs);
            known.received += _wealthOfClient(known) - wealth;
            for (uint256 at; at < proofs.length; ++at) {
                LockOutcome outcome = HUB.outcomeOf(known.id, at);
                _expect(outcome != LockOutcome.Absent, "a lock did not resolve after its expiry");
            }
        }
        _observe();
    }

    /// @notice Nobody can collect what is not theirs, and all can collect all; the rest was donated or is dust that a
    /// pair locked for nothing.
    function collectAll() external {
        for (uint256 i; i < _ACTORS; ++i) {
            Actor memory actor = _actors[i];
            if (address(actor.wallet) != address(0)) {
                actor.wallet.behave(HostileWallet.Mood.Honest, HostileWallet.Mood.Honest);
            }
            HostileBlocklistToken(_tokens[2]).setBlocked(actor.account, false);
        }
        for (uint256 i; i < _ACTORS; ++i) {
            for (uint256 t; t < _TOKENS; ++t) {
                uint256 credit = HUB.creditOf(_tokens[t], _actors[i].account);
                vm.prank(_actors[i].account);
                HUB.collect(_tokens[t], _actors[i].account, credit);
            }
        }
    }

    // ------------------------------------------------------------------ steps

    function _leave(Known storage known, address party) private {
        if (known.phase == ChannelPhase.Closed) return;
        if (known.phase == ChannelPhase.Open) {
            State memory opening;
            opening.channel = ChannelId.unwrap(known.id);
            vm.prank(party);
            try HUB.registerState{gas: _GAS}(known.parameters, opening, "", "") {
                known.state = opening;
                delete known.locks;
            } catch {
                _expect(false, "an exit could not be started");
            }
        }
        Channel memory before = HUB.channelOf(known.id);
        _passTimeTo(before.challengeEnd + 1);
        uint256 wealth = _wealthOfClient(known);
        vm.prank(party);
        try HUB.settle{gas: _GAS}(known.parameters, known.state, new LockProof[](0)) {
            _divide(known, before);
            known.received = _wealthOfClient(known) - wealth;
            done["leave"]++;
        } catch {
            _expect(false, "an exit was blocked");
        }
        known.phase = HUB.channelOf(known.id).phase;
    }

    function _passTimeTo(uint256 time) private {
        if (time > block.timestamp) vm.warp(time);
    }

    function _fund(uint256 token, uint256 actor, uint256 amount) private {
        address account = _actors[actor].account;
        vm.prank(_actors[_draw(_ACTORS)].account);
        try HUB.fund{value: token == 0 ? amount : 0, gas: _GAS}(_tokens[token], account, amount) {
            done["fund"]++;
        } catch {}
    }

    function _mayRegister(Known storage known, address caller, uint64 version) private view returns (bool) {
        if (known.phase == ChannelPhase.Open) {
            return caller == known.parameters.client || caller == known.parameters.provider;
        }
        return known.phase == ChannelPhase.Closing && block.timestamp <= known.end && version > known.version;
    }
}
