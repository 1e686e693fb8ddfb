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
import {Cancellation, DOMAIN_NAME, DOMAIN_VERSION, Messages, State} from "../../contracts/protocol/Messages.sol";
import {Channel, ChannelId, ChannelParameters, Lock, LockProof} from "../../interfaces/IChannelHub.sol";
import {vm} from "./Vm.sol";

/// @title ChannelWorld
/// @notice A hub with honest and hostile parties, tokens and time, and an eye on whatever should not happen there.
/// @dev What is drawn comes from one seed for each action.
abstract contract ChannelWorld {
    struct Actor {
        address account;
        uint256 key;
        HostileWallet wallet;
    }

    /// @dev `locks` are those of the registered state. Version, end, phase and outcomes are kept as they were last seen,
    /// since they must never change or fall. `lockedByClient` is what the end must leave in the client's locks, likewise
    /// the provider's; `toClient` is what it must pay the client at once, `received` what the client got since.
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
        uint256 lockedByClient;
        uint256 lockedByProvider;
        uint256 toClient;
        uint256 received;
        mapping(uint256 position => LockOutcome) outcomes;
    }

    uint256 internal constant _ACTORS = 6;
    uint256 internal constant _WALLETS = 3;
    uint256 internal constant _TOKENS = 4;
    uint256 internal constant _MAX_CHANNELS = 12;
    uint256 internal constant _SECRETS = 12;
    uint256 internal constant _GAS = 3_000_000;
    uint256 internal constant _TAXED = 3;

    ChannelHub public immutable HUB;
    PreimageRegistry public immutable PREIMAGES;
    bytes32 internal immutable _DOMAIN;

    Actor[] internal _actors;
    address[] internal _tokens;
    Known[] internal _channels;
    uint256 internal _seed;
    uint256 internal _salt;
    /// @dev What the last calls of _someProofs, _signBoth and _rootAndPath left for their callers.
    bool internal _cancelled;
    bool internal _clientSigned;
    bool internal _providerSigned;
    bytes32[] internal _path;

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

    function _addActor(uint256 index) internal {
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

    function _heldBy(Channel memory found) internal pure returns (uint256) {
        return found.clientDeposit + found.providerDeposit + found.lockedByClient + found.lockedByProvider
            - (found.phase == ChannelPhase.Closed ? 0 : found.clientWithdrawn + found.providerWithdrawn);
    }

    /// @dev Compares each channel with what was seen of it before. (SPEC CH-I3, CH-I4, forbidden transitions)
    function _observe() internal {
        for (uint256 i; i < _channels.length; ++i) {
            Known storage known = _channels[i];
            Channel memory found = HUB.channelOf(known.id);
            _expect(found.phase >= known.phase, "a phase went back");
            if (known.phase == ChannelPhase.Closing && found.phase == ChannelPhase.Closing) {
                _expect(found.version >= known.version, "a version fell");
                _expect(found.challengeEnd == known.end, "an end moved");
            }
            (known.phase, known.version, known.end) = (found.phase, found.version, found.challengeEnd);
            if (found.phase == ChannelPhase.Closed) _observeLocks(known, found);
        }
        _cancelled = false;
    }

    /// @dev What is locked is what the end left, less each resolved lock once; the client got its share of the rest.
    /// (SPEC CH-9, CH-15, CH-I4)
    function _observeLocks(Known storage known, Channel memory found) internal {
        (uint256 fromClient, uint256 fromProvider, uint256 toClient) = (0, 0, known.toClient);
        for (uint256 at; at < known.locks.length; ++at) {
            LockOutcome outcome = HUB.outcomeOf(known.id, at);
            if (outcome != known.outcomes[at]) {
                _expect(known.outcomes[at] == LockOutcome.Absent, "an outcome changed");
                _checkOutcome(known.locks[at], outcome);
                known.outcomes[at] = outcome;
            }
            if (outcome == LockOutcome.Absent) continue;
            bool byClient = known.locks[at].direction == Direction.ToProvider;
            if (byClient) fromClient += known.locks[at].amount;
            else fromProvider += known.locks[at].amount;
            if (byClient != (outcome == LockOutcome.Paid)) toClient += known.locks[at].amount;
        }
        bool exact = found.lockedByClient == _less(known.lockedByClient, fromClient)
            && found.lockedByProvider == _less(known.lockedByProvider, fromProvider);
        _expect(exact, "a lock moved another amount than its own");
        // Where locks exceed what is locked it depends on their order who gets what is left.
        bool covered = fromClient <= known.lockedByClient && fromProvider <= known.lockedByProvider;
        if (covered && known.parameters.token != _tokens[_TAXED]) {
            _expect(known.received == toClient, "the client got another amount than its own");
        }
    }

    function _wealthOfClient(Known storage known) internal view returns (uint256) {
        (address token, address client) = (known.parameters.token, known.parameters.client);
        uint256 credit = HUB.creditOf(token, client);
        return credit + (token == address(0) ? client.balance : IERC20(token).balanceOf(client));
    }

    function _checkOutcome(Lock storage lock, LockOutcome outcome) internal {
        uint256 revealedAt = PREIMAGES.revealedAt(lock.hash);
        bool timely = revealedAt != 0 && revealedAt <= lock.expiry;
        bool over = block.timestamp > lock.expiry || _cancelled;
        _expect(timely == (outcome == LockOutcome.Paid), "a lock has the wrong outcome");
        _expect(timely || over, "a lock was refunded too early");
    }

    /// @dev What must stay in locks after the end by the registered state, worked out from what the channel held.
    function _divide(Known storage known, Channel memory before) internal {
        int256 ofClient = int256(before.clientDeposit) - int256(before.clientWithdrawn) - known.state.transferred;
        int256 held = int256(before.clientDeposit + before.providerDeposit)
            - int256(before.clientWithdrawn + before.providerWithdrawn);
        if (ofClient < 0) ofClient = 0;
        if (ofClient > held) ofClient = held;
        known.toClient = uint256(ofClient);
        if (known.state.locksRoot == 0) return;
        known.lockedByClient = _least(known.state.lockedByClient, uint256(ofClient));
        known.lockedByProvider = _least(known.state.lockedByProvider, uint256(held - ofClient));
        known.toClient -= known.lockedByClient;
    }

    function _least(uint256 left, uint256 right) internal pure returns (uint256) {
        return left < right ? left : right;
    }

    function _less(uint256 left, uint256 right) internal pure returns (uint256) {
        return left > right ? left - right : 0;
    }

    function _expect(bool holds, string memory otherwise) internal {
        if (!holds && bytes(violation).length == 0) violation = otherwise;
    }

    // ------------------------------------------------------------------ draws

    function _draw(uint256 bound) internal returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return _seed % bound;
    }

    /// @dev Mostly one of the youngest, which still have something before them.
    function _anyChannel() internal returns (Known storage) {
        uint256 back = _draw(4) == 0 ? _channels.length : 4;
        uint256 count = _channels.length;
        return _channels[count - 1 - _draw(back < count ? back : count)];
    }

    function _anyCaller(Known storage known) internal returns (address) {
        uint256 kind = _draw(4);
        if (kind == 0) return known.parameters.client;
        if (kind == 1) return known.parameters.provider;
        return _actors[_draw(_ACTORS)].account;
    }

    function _anyMood() internal returns (HostileWallet.Mood) {
        return _draw(2) == 0 ? HostileWallet.Mood.Honest : HostileWallet.Mood(_draw(7));
    }

    /// @dev Mostly sensible, sometimes beyond all bounds.
    function _anyTransfer() internal returns (int128) {
        uint256 kind = _draw(8);
        if (kind == 0) return type(int128).max;
        if (kind == 1) return type(int128).min;
        return int128(int256(_draw(40 ether))) - 20 ether;
    }

    function _anyLocks() internal returns (Lock[] memory locks) {
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

    function _anyState(Known storage known, Lock[] memory locks) internal returns (State memory state) {
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

    function _someProofs(Known storage known) internal returns (LockProof[] memory proofs) {
        if (known.locks.length == 0) return proofs;
        proofs = new LockProof[](_draw(3) == 0 ? 0 : 1 + _draw(6));
        for (uint256 i; i < proofs.length; ++i) {
            uint256 position = _draw(known.locks.length);
            bytes memory cancellation;
            uint256 payee = known.locks[position].direction == Direction.ToProvider ? known.provider : known.client;
            // Who shows the cancellation of a wallet that burns all gas does so to themselves.
            if (_draw(4) == 0 && !_burns(payee)) {
                bytes32 leaf = MerkleTree.leafHash(abi.encode(known.locks[position]));
                bytes32 message = Messages.hash(Cancellation(ChannelId.unwrap(known.id), leaf));
                cancellation = _sign(_draw(4) == 0 ? known.client : payee, message);
                _cancelled = true;
            }
            proofs[i] = _proof(known, position, cancellation);
        }
    }

    // ------------------------------------------------------------------ signatures

    function _sign(uint256 actor, bytes32 message) internal view returns (bytes memory) {
        bytes32 digest = MessageHashUtils.toTypedDataHash(_DOMAIN, message);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_actors[actor].key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev Mostly both; sometimes one is somebody else's. `agreed` says whether both count by themselves.
    function _signBoth(Known storage known, bytes32 message)
        internal
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
    function _callerCompletes(Known storage known, address caller) internal view returns (bool) {
        return (_clientSigned || caller == known.parameters.client)
            && (_providerSigned || caller == known.parameters.provider);
    }

    function _accepts(uint256 actor, bool genuine) internal view returns (bool) {
        if (address(_actors[actor].wallet) == address(0)) return genuine;
        HostileWallet.Mood mood = _actors[actor].wallet.onQuestion();
        return mood == HostileWallet.Mood.AcceptAnything || (genuine && mood == HostileWallet.Mood.Honest);
    }

    function _burns(uint256 actor) internal view returns (bool) {
        if (address(_actors[actor].wallet) == address(0)) return false;
        HostileWallet.Mood mood = _actors[actor].wallet.onQuestion();
        return mood == HostileWallet.Mood.BurnGas || mood == HostileWallet.Mood.ReturnBomb
            || mood == HostileWallet.Mood.RevertBomb;
    }

    function _consents(uint256 actor) internal view returns (bool) {
        return _accepts(actor, true);
    }

    // ------------------------------------------------------------------ trees

    function _keepLocks(Known storage known, Lock[] memory locks) internal {
        delete known.locks;
        if (known.state.version == 0) return;
        for (uint256 i; i < locks.length; ++i) {
            known.locks.push(locks[i]);
        }
    }

    function _proof(Known storage known, uint256 position, bytes memory cancellation)
        internal
        returns (LockProof memory)
    {
        _rootAndPath(known.locks, position);
        return LockProof(known.locks[position], position, _path, cancellation);
    }

    /// @dev The dense tree of GEN-3, level by level; leaves the siblings of `position` in `_path`.
    function _rootAndPath(Lock[] memory locks, uint256 position) internal returns (bytes32) {
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
