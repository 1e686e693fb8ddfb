// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {ChannelHub} from "../../contracts/channels/ChannelHub.sol";
import {PreimageRegistry} from "../../contracts/channels/PreimageRegistry.sol";
import {MerkleTree} from "../../contracts/crypto/MerkleTree.sol";
import {HostileBlocklistToken, HostileHookToken, HostileTaxToken} from "../../contracts/mocks/HostileTokens.sol";
import {HostileWallet} from "../../contracts/mocks/HostileWallet.sol";
import {ChannelPhase, Direction, LockOutcome} from "../../contracts/protocol/Enums.sol";
import {
    Cancellation,
    CooperativeClose,
    DOMAIN_NAME,
    DOMAIN_VERSION,
    Messages,
    Opening,
    State,
    Withdrawal
} from "../../contracts/protocol/Messages.sol";
import {Channel, ChannelId, ChannelParameters, Lock, LockProof} from "../../interfaces/IChannelHub.sol";
import {vm} from "./Vm.sol";

/// @title ChannelHandler
/// @notice Plays honest and hostile parties, tokens and time against a hub, and notes whatever should not have happened.
/// @dev Never reverts on purpose: a revert would take the note with it. Each action draws all it needs from one seed.
contract ChannelHandler {
    struct Actor {
        address account;
        uint256 key;
        HostileWallet wallet;
    }

    /// @dev `locks` are those of the registered state. What was seen once must never change or fall: version, end,
    /// phase, outcomes.
    struct Known {
        ChannelParameters parameters;
        ChannelId id;
        uint256 client;
        uint256 provider;
        State state;
        Lock[] locks;
        uint256 version;
        uint256 end;
        ChannelPhase phase;
        mapping(uint256 position => LockOutcome) outcomes;
    }

    uint256 private constant _ACTORS = 6;
    uint256 private constant _WALLETS = 3;
    uint256 private constant _TOKENS = 4;
    uint256 private constant _MAX_CHANNELS = 12;
    uint256 private constant _SECRETS = 12;
    uint256 private constant _GAS = 3_000_000;
    uint256 private constant _TAXED = 3;

    ChannelHub public immutable HUB;
    PreimageRegistry public immutable PREIMAGES;
    bytes32 private immutable _DOMAIN;

    Actor[] private _actors;
    address[] private _tokens;
    Known[] private _channels;
    uint256 private _seed;
    uint256 private _salt;
    /// @dev What the last call of _signBoth and _rootAndPath left for their callers.
    bool private _clientSigned;
    bool private _providerSigned;
    bytes32[] private _path;

    /// @notice The first thing that should not have happened; empty if nothing did.
    string public violation;
    /// @notice How often each action did what it tried.
    mapping(string action => uint256) public done;

    modifier drawing(uint256 seed) {
        _seed = seed;
        _;
    }

    constructor() {
        PREIMAGES = new PreimageRegistry();
        HUB = new ChannelHub(address(this), PREIMAGES, 1 hours, 10 days);
        _DOMAIN = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(DOMAIN_NAME)),
                keccak256(bytes(DOMAIN_VERSION)),
                block.chainid,
                address(HUB)
            )
        );
        _tokens.push(address(0));
        _tokens.push(address(new HostileHookToken()));
        _tokens.push(address(new HostileBlocklistToken()));
        _tokens.push(address(new HostileTaxToken()));
        for (uint256 i = 1; i < _TOKENS; ++i) {
            HUB.allowToken(_tokens[i]);
        }
        for (uint256 i; i < _ACTORS; ++i) {
            _addActor(i);
        }
    }

    function _addActor(uint256 index) private {
        Actor memory actor;
        actor.key = 0xA11CE + index;
        actor.account = vm.addr(actor.key);
        if (index >= _ACTORS - _WALLETS) {
            actor.wallet = new HostileWallet(actor.account);
            actor.account = address(actor.wallet);
            HostileHookToken(_tokens[1]).hook(actor.account);
        }
        _actors.push(actor);
        vm.deal(actor.account, 1e30);
        for (uint256 i = 1; i < _TOKENS; ++i) {
            HostileHookToken(_tokens[i]).mint(actor.account, 1e30);
            vm.prank(actor.account);
            IERC20(_tokens[i]).approve(address(HUB), type(uint256).max);
        }
    }

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
        vm.prank(caller);
        try HUB.closeCooperatively{gas: _GAS}(
            known.parameters, transferred, products, type(uint64).max, ofClient, ofProvider
        ) {
            _expect(agreed && live, "closed against the rules");
            delete known.locks;
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
        bool due = known.phase == ChannelPhase.Closing && block.timestamp > known.end;
        LockProof[] memory proofs = _someProofs(known);
        vm.prank(_actors[_draw(_ACTORS)].account);
        try HUB.settle{gas: _GAS}(known.parameters, known.state, proofs) {
            _expect(due, "settled against the rules");
            done["settle"]++;
        } catch {
            _expect(!due, "a settlement was blocked");
        }
        _observe();
    }

    function resolve(uint256 seed) external drawing(seed) {
        if (_channels.length == 0) return;
        Known storage known = _anyChannel();
        bool due = known.phase == ChannelPhase.Closed && known.locks.length != 0;
        LockProof[] memory proofs = _someProofs(known);
        Channel memory before = HUB.channelOf(known.id);
        vm.prank(_actors[_draw(_ACTORS)].account);
        try HUB.resolve{gas: _GAS}(known.parameters, known.state, proofs) {
            _expect(known.phase == ChannelPhase.Closed, "resolved against the rules");
            Channel memory found = HUB.channelOf(known.id);
            bool fell =
                found.lockedByClient <= before.lockedByClient && found.lockedByProvider <= before.lockedByProvider;
            _expect(fell, "more is locked than before");
            if (found.lockedByClient + found.lockedByProvider != before.lockedByClient + before.lockedByProvider) {
                done["resolve"]++;
            }
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
        if (_draw(3) == 0) PREIMAGES.reveal(bytes32(_draw(_SECRETS)));
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
            end += _draw(2);
            if (end > block.timestamp) time = end;
        }
        vm.warp(time);
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
            HUB.resolve(known.parameters, known.state, proofs);
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

    // ------------------------------------------------------------------ what is checked

    function tokens() external view returns (address[] memory) {
        return _tokens;
    }

    /// @notice What the hub owes in a token: what its channels hold, and all credit. (SPEC CH-I1)
    function owed(address token) external view returns (uint256 sum) {
        for (uint256 i; i < _channels.length; ++i) {
            if (_channels[i].parameters.token == token) sum += _heldBy(HUB.channelOf(_channels[i].id));
        }
        for (uint256 i; i < _ACTORS; ++i) {
            sum += HUB.creditOf(token, _actors[i].account);
        }
    }

    /// @notice How often a wallet's call back into the hub succeeded.
    function reentries() external view returns (uint256 sum) {
        for (uint256 i = _ACTORS - _WALLETS; i < _ACTORS; ++i) {
            sum += _actors[i].wallet.successes();
        }
    }

    function _heldBy(Channel memory found) private pure returns (uint256) {
        return found.clientDeposit + found.providerDeposit + found.lockedByClient + found.lockedByProvider
            - (found.phase == ChannelPhase.Closed ? 0 : found.clientWithdrawn + found.providerWithdrawn);
    }

    /// @dev Compares each channel with what was seen of it before. (SPEC CH-I3, CH-I4, forbidden transitions)
    function _observe() private {
        for (uint256 i; i < _channels.length; ++i) {
            Known storage known = _channels[i];
            Channel memory found = HUB.channelOf(known.id);
            _expect(found.phase >= known.phase, "a phase went back");
            if (known.phase == ChannelPhase.Closing && found.phase == ChannelPhase.Closing) {
                _expect(found.version >= known.version, "a version fell");
                _expect(found.challengeEnd == known.end, "an end moved");
            }
            (known.phase, known.version, known.end) = (found.phase, found.version, found.challengeEnd);
            if (found.phase != ChannelPhase.Closed) continue;
            for (uint256 at; at < known.locks.length; ++at) {
                LockOutcome outcome = HUB.outcomeOf(known.id, at);
                bool same = known.outcomes[at] == LockOutcome.Absent || outcome == known.outcomes[at];
                _expect(same, "an outcome changed");
                known.outcomes[at] = outcome;
            }
        }
    }

    function _expect(bool holds, string memory otherwise) private {
        if (!holds && bytes(violation).length == 0) violation = otherwise;
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
        uint256 end = HUB.channelOf(known.id).challengeEnd;
        if (block.timestamp <= end) vm.warp(end + 1);
        vm.prank(party);
        try HUB.settle{gas: _GAS}(known.parameters, known.state, new LockProof[](0)) {
            done["leave"]++;
        } catch {
            _expect(false, "an exit was blocked");
        }
        known.phase = HUB.channelOf(known.id).phase;
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

    // ------------------------------------------------------------------ draws

    function _draw(uint256 bound) private returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return _seed % bound;
    }

    /// @dev Mostly one of the youngest, which still have something before them.
    function _anyChannel() private returns (Known storage) {
        uint256 back = _draw(4) == 0 ? _channels.length : 4;
        uint256 count = _channels.length;
        return _channels[count - 1 - _draw(back < count ? back : count)];
    }

    function _anyCaller(Known storage known) private returns (address) {
        uint256 kind = _draw(4);
        if (kind == 0) return known.parameters.client;
        if (kind == 1) return known.parameters.provider;
        return _actors[_draw(_ACTORS)].account;
    }

    function _anyMood() private returns (HostileWallet.Mood) {
        return _draw(2) == 0 ? HostileWallet.Mood.Honest : HostileWallet.Mood(_draw(7));
    }

    /// @dev Mostly sensible, sometimes beyond all bounds.
    function _anyTransfer() private returns (int128) {
        uint256 kind = _draw(8);
        if (kind == 0) return type(int128).max;
        if (kind == 1) return type(int128).min;
        return int128(int256(_draw(40 ether))) - 20 ether;
    }

    function _anyLocks() private returns (Lock[] memory locks) {
        locks = new Lock[](_draw(4) == 0 ? 18 + _draw(8) : _draw(4));
        for (uint256 i; i < locks.length; ++i) {
            locks[i] = Lock({
                direction: _draw(2) == 0 ? Direction.ToProvider : Direction.ToClient,
                amount: uint128(_draw(3 ether)),
                hash: keccak256(abi.encode(bytes32(_draw(_SECRETS)))),
                expiry: uint64(block.timestamp + _draw(6 days)),
                product: bytes32(_draw(2)),
                nonce: uint64(i + 1)
            });
        }
    }

    function _anyState(Known storage known, Lock[] memory locks) private returns (State memory state) {
        state.channel = ChannelId.unwrap(known.id);
        state.version = uint64(known.version + 3 - _draw(4));
        if (state.version == 0) return state;
        state.transferred = _anyTransfer();
        for (uint256 i; i < locks.length; ++i) {
            if (locks[i].direction == Direction.ToProvider) state.lockedByClient += locks[i].amount;
            else state.lockedByProvider += locks[i].amount;
        }
        if (_draw(8) == 0) state.lockedByClient = type(uint128).max;
        if (_draw(8) == 0) state.lockedByProvider = uint128(_draw(1 ether));
        state.locksRoot = _rootAndPath(locks, 0);
        state.productsRoot = bytes32(_draw(2));
    }

    function _someProofs(Known storage known) private returns (LockProof[] memory proofs) {
        if (known.locks.length == 0) return proofs;
        proofs = new LockProof[](_draw(5));
        for (uint256 i; i < proofs.length; ++i) {
            uint256 position = _draw(known.locks.length);
            bytes memory cancellation;
            uint256 payee = known.locks[position].direction == Direction.ToProvider ? known.provider : known.client;
            // Who shows the cancellation of a wallet that burns all gas does so to themselves.
            if (_draw(4) == 0 && !_burns(payee)) {
                bytes32 leaf = MerkleTree.leafHash(abi.encode(known.locks[position]));
                bytes32 message = Messages.hash(Cancellation(ChannelId.unwrap(known.id), leaf));
                cancellation = _sign(_draw(4) == 0 ? known.client : payee, message);
            }
            proofs[i] = _proof(known, position, cancellation);
        }
    }

    // ------------------------------------------------------------------ signatures

    function _sign(uint256 actor, bytes32 message) private view returns (bytes memory) {
        bytes32 digest = MessageHashUtils.toTypedDataHash(_DOMAIN, message);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_actors[actor].key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev Mostly both; sometimes one is somebody else's. `agreed` says whether both count by themselves.
    function _signBoth(Known storage known, bytes32 message)
        private
        returns (bytes memory ofClient, bytes memory ofProvider, bool agreed)
    {
        uint256 wrong = _draw(10);
        ofClient = _sign(wrong == 0 ? known.provider : known.client, message);
        ofProvider = _sign(wrong == 1 ? known.client : known.provider, message);
        _clientSigned = _accepts(known.client, wrong != 0);
        _providerSigned = _accepts(known.provider, wrong != 1);
        agreed = _clientSigned && _providerSigned;
    }

    /// @dev Whether the caller's own word makes up for what is missing.
    function _callerCompletes(Known storage known, address caller) private view returns (bool) {
        return (_clientSigned || caller == known.parameters.client)
            && (_providerSigned || caller == known.parameters.provider);
    }

    function _accepts(uint256 actor, bool genuine) private view returns (bool) {
        if (address(_actors[actor].wallet) == address(0)) return genuine;
        HostileWallet.Mood mood = _actors[actor].wallet.onQuestion();
        return mood == HostileWallet.Mood.AcceptAnything || (genuine && mood == HostileWallet.Mood.Honest);
    }

    function _burns(uint256 actor) private view returns (bool) {
        if (address(_actors[actor].wallet) == address(0)) return false;
        HostileWallet.Mood mood = _actors[actor].wallet.onQuestion();
        return mood == HostileWallet.Mood.BurnGas || mood == HostileWallet.Mood.ReturnBomb
            || mood == HostileWallet.Mood.RevertBomb;
    }

    function _consents(uint256 actor) private view returns (bool) {
        return _accepts(actor, true);
    }

    // ------------------------------------------------------------------ trees

    function _keepLocks(Known storage known, Lock[] memory locks) private {
        delete known.locks;
        if (known.state.version == 0) return;
        for (uint256 i; i < locks.length; ++i) {
            known.locks.push(locks[i]);
        }
    }

    function _proof(Known storage known, uint256 position, bytes memory cancellation)
        private
        returns (LockProof memory)
    {
        _rootAndPath(known.locks, position);
        return LockProof(known.locks[position], position, _path, cancellation);
    }

    /// @dev The dense tree of GEN-3, level by level; leaves the siblings of `position` in `_path`.
    function _rootAndPath(Lock[] memory locks, uint256 position) private returns (bytes32) {
        delete _path;
        if (locks.length == 0) return 0;
        bytes32[] memory level = new bytes32[](locks.length);
        for (uint256 i; i < level.length; ++i) {
            level[i] = MerkleTree.leafHash(abi.encode(locks[i]));
        }
        bytes32 zero;
        while (level.length > 1) {
            bytes32[] memory above = new bytes32[]((level.length + 1) / 2);
            for (uint256 i; i < above.length; ++i) {
                bytes32 right = 2 * i + 1 < level.length ? level[2 * i + 1] : zero;
                above[i] = keccak256(abi.encode(level[2 * i], right));
            }
            _path.push((position ^ 1) < level.length ? level[position ^ 1] : zero);
            zero = keccak256(abi.encode(zero, zero));
            position /= 2;
            level = above;
        }
        return level[0];
    }
}
