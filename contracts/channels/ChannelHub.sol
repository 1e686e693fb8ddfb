// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {
    Channel,
    ChannelId,
    ChannelParameters,
    IChannelHub,
    Lock,
    LockProof,
    Permit
} from "../../interfaces/IChannelHub.sol";
import {IPreimageRegistry} from "../../interfaces/IPreimageRegistry.sol";
import {MerkleTree} from "../crypto/MerkleTree.sol";
import {MAX_FUNDS, MAX_LOCKS, MAX_VERSION} from "../protocol/Constants.sol";
import {ChannelPhase, Direction, LockOutcome} from "../protocol/Enums.sol";
import {
    Cancellation,
    CooperativeClose,
    DOMAIN_NAME,
    DOMAIN_VERSION,
    Messages,
    Opening,
    State,
    Withdrawal
} from "../protocol/Messages.sol";
import {ChannelHead, Head} from "./ChannelHead.sol";
import {ChannelRules} from "./ChannelRules.sol";
import {ChannelVault} from "./ChannelVault.sol";

/// @title ChannelHub
/// @notice Holds the money of all channels between clients and providers, and ends them. (SPEC CH)
/// @dev Lifecycle, consent and assumptions: see IChannelHub. Invariants: CH-I1 to CH-I5.
///
/// Two channels share nothing but the credits and the balance: an action reads and writes the record of one channel,
/// and pays its parties at most what that record holds. So a pair of parties that signs anything at all moves its own
/// money only.
contract ChannelHub is ChannelVault, EIP712 {
    using ChannelHead for *;

    /// @param head See ChannelHead.
    /// @param stateHash Struct hash of the registered state while Closing, and for ever if locks were pending in it; zero
    /// for the opening.
    /// @param moreOutcomes Two bits each of the locks for which the head has no room.
    struct Record {
        uint256 head;
        bytes32 stateHash;
        bytes32 productsRoot;
        uint256 moreOutcomes;
        uint128 clientWithdrawn;
        uint128 providerWithdrawn;
    }

    uint256 private constant _CENTURY = 36_525 days;

    /// @inheritdoc IChannelHub
    IPreimageRegistry public immutable PREIMAGES;
    /// @inheritdoc IChannelHub
    uint256 public immutable MIN_CHALLENGE_PERIOD;
    /// @inheritdoc IChannelHub
    uint256 public immutable MAX_CHALLENGE_PERIOD;

    mapping(ChannelId channel => Record) private _records;

    constructor(address owner, IPreimageRegistry preimages, uint256 minChallengePeriod, uint256 maxChallengePeriod)
        ChannelVault(owner)
        EIP712(DOMAIN_NAME, DOMAIN_VERSION)
    {
        require(
            minChallengePeriod != 0 && minChallengePeriod <= maxChallengePeriod && maxChallengePeriod <= _CENTURY,
            InvalidBounds(minChallengePeriod, maxChallengePeriod)
        );
        PREIMAGES = preimages;
        MIN_CHALLENGE_PERIOD = minChallengePeriod;
        MAX_CHALLENGE_PERIOD = maxChallengePeriod;
    }

    // ------------------------------------------------------------------ life of a channel

    /// @inheritdoc IChannelHub
    function open(
        ChannelParameters calldata parameters,
        uint128 clientDeposit,
        uint128 providerDeposit,
        uint64 deadline,
        bytes calldata signature
    ) external payable nonReentrant returns (ChannelId channel) {
        return _open(parameters, Opening(0, clientDeposit, providerDeposit, deadline), signature);
    }

    /// @inheritdoc IChannelHub
    function openWithPermit(
        ChannelParameters calldata parameters,
        uint128 clientDeposit,
        uint128 providerDeposit,
        uint64 deadline,
        bytes calldata signature,
        Permit calldata permit
    ) external nonReentrant returns (ChannelId channel) {
        _usePermit(parameters.token, permit);
        return _open(parameters, Opening(0, clientDeposit, providerDeposit, deadline), signature);
    }

    /// @inheritdoc IChannelHub
    function topUp(ChannelParameters calldata parameters, address party, uint256 amount) external payable nonReentrant {
        _topUp(parameters, party, amount);
    }

    /// @inheritdoc IChannelHub
    function topUpWithPermit(
        ChannelParameters calldata parameters,
        address party,
        uint256 amount,
        Permit calldata permit
    ) external nonReentrant {
        _usePermit(parameters.token, permit);
        _topUp(parameters, party, amount);
    }

    /// @inheritdoc IChannelHub
    function withdraw(
        ChannelParameters calldata parameters,
        address account,
        uint128 total,
        uint64 deadline,
        bytes calldata clientSignature,
        bytes calldata providerSignature
    ) external nonReentrant {
        ChannelId channel = ChannelRules.idOf(parameters);
        _requireParty(channel, parameters, account);
        _requireInTime(deadline);
        bytes32 message = Messages.hash(Withdrawal(ChannelId.unwrap(channel), account, total, deadline));
        _requireBoth(channel, parameters, message, clientSignature, providerSignature);

        uint256 amount = _takeOut(channel, account == parameters.client, total);
        emit ChannelWithdrawn(channel, account, amount, total);
        _pay(parameters.token, account, amount);
    }

    /// @inheritdoc IChannelHub
    function closeCooperatively(
        ChannelParameters calldata parameters,
        int128 transferred,
        bytes32 productsRoot,
        uint64 deadline,
        bytes calldata clientSignature,
        bytes calldata providerSignature
    ) external nonReentrant {
        ChannelId channel = ChannelRules.idOf(parameters);
        Record storage record = _records[channel];
        Head memory head = record.head.unpack();
        bool closing = head.phase == ChannelPhase.Closing;
        require(closing || head.phase == ChannelPhase.Open, ChannelNotLive(channel, head.phase));
        _requireInTime(deadline);
        bytes32 message =
            Messages.hash(CooperativeClose(ChannelId.unwrap(channel), transferred, productsRoot, deadline));
        _requireBoth(channel, parameters, message, clientSignature, providerSignature);

        ChannelRules.Division memory division =
            ChannelRules.divide(head.clientFunds, head.providerFunds, transferred, 0, 0);
        if (closing) record.stateHash = 0;
        record.head = Head(ChannelPhase.Closed, 0, 0, 0, 0).pack();
        if (productsRoot != 0) record.productsRoot = productsRoot;
        emit ChannelClosed(channel, division.toClient, division.toProvider, productsRoot);
        _payBoth(parameters, division.toClient, division.toProvider);
    }

    /// @inheritdoc IChannelHub
    function registerState(
        ChannelParameters calldata parameters,
        State calldata state,
        bytes calldata clientSignature,
        bytes calldata providerSignature
    ) external nonReentrant {
        ChannelId channel = ChannelRules.idOf(parameters);
        Record storage record = _records[channel];
        Head memory head = record.head.unpack();
        _startOrReplace(channel, head, parameters, state.version);
        bytes32 stateHash = _hashOf(channel, state);
        if (stateHash != 0) _requireBoth(channel, parameters, stateHash, clientSignature, providerSignature);
        record.head = head.pack();
        record.stateHash = stateHash;
        emit StateRegistered(channel, state, head.challengeEnd);
    }

    /// @inheritdoc IChannelHub
    function settle(ChannelParameters calldata parameters, State calldata state, LockProof[] calldata locks)
        external
        nonReentrant
    {
        ChannelId channel = ChannelRules.idOf(parameters);
        Record storage record = _records[channel];
        Head memory head = record.head.unpack();
        require(head.phase == ChannelPhase.Closing, ChannelNotClosing(channel, head.phase));
        require(
            block.timestamp > head.challengeEnd, ChallengePeriodRunning(channel, head.challengeEnd, block.timestamp)
        );
        _requireRegistered(channel, record, state);

        ChannelRules.Division memory division = _close(head, state);
        if (state.locksRoot == 0) record.stateHash = 0;
        if (state.productsRoot != 0) record.productsRoot = state.productsRoot;
        emit ChannelSettled(
            channel,
            division.toClient,
            division.toProvider,
            division.lockedByClient,
            division.lockedByProvider,
            state.productsRoot
        );
        _resolve(channel, record, head, division, parameters, state.locksRoot, locks);
        record.head = head.pack();
        _payBoth(parameters, division.toClient, division.toProvider);
    }

    /// @inheritdoc IChannelHub
    function resolve(ChannelParameters calldata parameters, State calldata state, LockProof[] calldata locks)
        external
        nonReentrant
    {
        ChannelId channel = ChannelRules.idOf(parameters);
        Record storage record = _records[channel];
        Head memory head = record.head.unpack();
        require(head.phase == ChannelPhase.Closed, ChannelNotClosed(channel, head.phase));
        _requireRegistered(channel, record, state);
        ChannelRules.Division memory division;
        _resolve(channel, record, head, division, parameters, state.locksRoot, locks);
        record.head = head.pack();
        _payBoth(parameters, division.toClient, division.toProvider);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IChannelHub
    function idOf(ChannelParameters calldata parameters) external pure returns (ChannelId) {
        return ChannelRules.idOf(parameters);
    }

    /// @inheritdoc IChannelHub
    function channelOf(ChannelId channel) external view returns (Channel memory found) {
        Record storage record = _records[channel];
        Head memory head = record.head.unpack();
        found.phase = head.phase;
        found.challengeEnd = uint64(head.challengeEnd);
        found.clientWithdrawn = record.clientWithdrawn;
        found.providerWithdrawn = record.providerWithdrawn;
        found.stateHash = record.stateHash;
        found.productsRoot = record.productsRoot;
        if (head.phase == ChannelPhase.Closed) {
            found.lockedByClient = uint256(head.clientFunds);
            found.lockedByProvider = uint256(head.providerFunds);
        } else {
            found.version = uint64(head.versionOrOutcomes);
            found.clientDeposit = uint256(head.clientFunds + int256(found.clientWithdrawn));
            found.providerDeposit = uint256(head.providerFunds + int256(found.providerWithdrawn));
        }
    }

    /// @inheritdoc IChannelHub
    function productsRootOf(ChannelId channel) external view returns (bytes32 root) {
        return _records[channel].productsRoot;
    }

    /// @inheritdoc IChannelHub
    function outcomeOf(ChannelId channel, uint256 position) external view returns (LockOutcome outcome) {
        Record storage record = _records[channel];
        Head memory head = record.head.unpack();
        if (head.phase != ChannelPhase.Closed || position >= MAX_LOCKS) return LockOutcome.Absent;
        return _outcomeAt(record, head, position);
    }

    /// @inheritdoc IChannelHub
    function isPaid(
        ChannelId channel,
        State calldata state,
        Lock calldata lock,
        uint256 position,
        bytes32[] calldata path
    ) external view returns (bool) {
        Record storage record = _records[channel];
        Head memory head = record.head.unpack();
        if (head.phase != ChannelPhase.Closed || record.stateHash != Messages.hash(state)) return false;
        if (!_isPending(state.locksRoot, ChannelRules.leafOf(lock), position, path)) return false;
        LockOutcome outcome = _outcomeAt(record, head, position);
        if (outcome != LockOutcome.Absent) return outcome == LockOutcome.Paid;
        return ChannelRules.isTimely(PREIMAGES.revealedAt(lock.hash), lock.expiry);
    }

    // ------------------------------------------------------------------ internals: money in and out

    function _open(ChannelParameters calldata parameters, Opening memory opening, bytes calldata signature)
        private
        returns (ChannelId channel)
    {
        channel = ChannelRules.idOf(parameters);
        opening.channel = ChannelId.unwrap(channel);
        Record storage record = _records[channel];
        require(record.head == 0, ChannelExists(channel));
        _requireParty(channel, parameters, msg.sender);
        _checkParameters(parameters);

        (uint256 ofClient, uint256 ofProvider) = (opening.clientDeposit, opening.providerDeposit);
        if (msg.sender == parameters.client) {
            _drawDeposit(parameters.token, parameters.provider, ofProvider, opening, signature);
            ofClient = _receiveDeposit(parameters.token, ofClient, ofProvider != 0);
        } else {
            _drawDeposit(parameters.token, parameters.client, ofClient, opening, signature);
            ofProvider = _receiveDeposit(parameters.token, ofProvider, ofClient != 0);
        }
        record.head = Head(ChannelPhase.Open, 0, 0, _funds(0, ofClient), _funds(0, ofProvider)).pack();
        _emitOpened(channel, parameters, ofClient, ofProvider);
    }

    /// @dev The counterparty's deposit, from its credit, as it signed.
    function _drawDeposit(
        address token,
        address counterparty,
        uint256 deposit,
        Opening memory opening,
        bytes calldata signature
    ) private {
        if (deposit == 0) return;
        _requireInTime(opening.deadline);
        bytes32 digest = _hashTypedDataV4(Messages.hash(opening));
        _requireConsent(ChannelId.wrap(opening.channel), counterparty, digest, signature);
        _drawCredit(token, counterparty, deposit);
    }

    /// @dev The opener's deposit; in full, if the counterparty deposits for it.
    function _receiveDeposit(address token, uint256 deposit, bool inFull) private returns (uint256 arrived) {
        arrived = _receive(token, deposit);
        require(!inFull || arrived >= deposit, DepositFellShort(arrived, deposit));
    }

    function _emitOpened(
        ChannelId channel,
        ChannelParameters calldata parameters,
        uint256 clientDeposit,
        uint256 providerDeposit
    ) private {
        emit ChannelOpened(
            channel,
            parameters.client,
            parameters.provider,
            parameters.token,
            parameters.challengePeriod,
            parameters.salt,
            msg.sender,
            clientDeposit,
            providerDeposit
        );
    }

    function _topUp(ChannelParameters calldata parameters, address party, uint256 amount) private {
        ChannelId channel = ChannelRules.idOf(parameters);
        Record storage record = _records[channel];
        Head memory head = _requireOpen(channel, record);
        _requireParty(channel, parameters, party);
        uint256 arrived = _receive(parameters.token, amount);
        if (party == parameters.client) head.clientFunds = _funds(head.clientFunds, arrived);
        else head.providerFunds = _funds(head.providerFunds, arrived);
        record.head = head.pack();
        emit ChannelToppedUp(channel, party, arrived);
    }

    function _funds(int256 before, uint256 arrived) private pure returns (int256 funds) {
        require(arrived <= MAX_FUNDS, AmountTooLarge(arrived, MAX_FUNDS));
        funds = before + int256(arrived);
        require(funds <= int256(MAX_FUNDS), AmountTooLarge(uint256(funds), MAX_FUNDS));
    }

    /// @dev Raises what a party has withdrawn to `total`, and answers by how much. (SPEC CH-6)
    function _takeOut(ChannelId channel, bool byClient, uint128 total) private returns (uint256 amount) {
        Record storage record = _records[channel];
        Head memory head = _requireOpen(channel, record);
        uint256 withdrawn = byClient ? record.clientWithdrawn : record.providerWithdrawn;
        require(total > withdrawn, AlreadyWithdrawn(channel, withdrawn, total));
        amount = total - withdrawn;
        uint256 held = uint256(head.clientFunds + head.providerFunds);
        require(amount <= held, WithdrawalTooLarge(channel, amount, held));
        if (byClient) {
            record.clientWithdrawn = total;
            head.clientFunds -= int256(amount);
        } else {
            record.providerWithdrawn = total;
            head.providerFunds -= int256(amount);
        }
        record.head = head.pack();
    }

    function _payBoth(ChannelParameters calldata parameters, uint256 toClient, uint256 toProvider) private {
        _pay(parameters.token, parameters.client, toClient);
        _pay(parameters.token, parameters.provider, toProvider);
    }

    // ------------------------------------------------------------------ internals: the end

    /// @dev Starts the challenge period, or checks that `version` may replace what is registered. (SPEC CH-13)
    function _startOrReplace(
        ChannelId channel,
        Head memory head,
        ChannelParameters calldata parameters,
        uint256 version
    ) private view {
        require(version <= MAX_VERSION, VersionTooLarge(channel, version, MAX_VERSION));
        if (head.phase == ChannelPhase.Open) {
            _requireParty(channel, parameters, msg.sender);
            head.phase = ChannelPhase.Closing;
            head.challengeEnd = block.timestamp + parameters.challengePeriod;
        } else {
            require(head.phase == ChannelPhase.Closing, ChannelNotLive(channel, head.phase));
            (uint256 end, uint256 registered) = (head.challengeEnd, head.versionOrOutcomes);
            require(block.timestamp <= end, ChallengePeriodOver(channel, end, block.timestamp));
            require(version > registered, StaleVersion(channel, version, registered));
        }
        head.versionOrOutcomes = version;
    }

    /// @dev Divides the money, and leaves in the head what stays in locks.
    function _close(Head memory head, State calldata state)
        private
        pure
        returns (ChannelRules.Division memory division)
    {
        // Without a tree nothing could ever resolve what is said to be locked.
        bool locked = state.locksRoot != 0;
        division = ChannelRules.divide(
            head.clientFunds,
            head.providerFunds,
            state.transferred,
            locked ? state.lockedByClient : 0,
            locked ? state.lockedByProvider : 0
        );
        head.phase = ChannelPhase.Closed;
        head.versionOrOutcomes = 0;
        head.clientFunds = int256(division.lockedByClient);
        head.providerFunds = int256(division.lockedByProvider);
    }

    /// @dev Resolves what can be resolved among `locks`, adding what that frees to `division`.
    function _resolve(
        ChannelId channel,
        Record storage record,
        Head memory head,
        ChannelRules.Division memory division,
        ChannelParameters calldata parameters,
        bytes32 locksRoot,
        LockProof[] calldata locks
    ) private {
        for (uint256 i; i < locks.length; ++i) {
            LockProof calldata proof = locks[i];
            bytes32 leaf = ChannelRules.leafOf(proof.lock);
            require(
                proof.lock.direction != Direction.Absent && _isPending(locksRoot, leaf, proof.position, proof.path),
                InvalidLockProof(channel, proof.position)
            );
            if (_outcomeAt(record, head, proof.position) != LockOutcome.Absent) continue;
            LockOutcome outcome = _judge(channel, parameters, leaf, proof);
            if (outcome == LockOutcome.Absent) continue;
            _note(record, head, proof.position, outcome);
            uint256 amount = _release(head, division, proof.lock, outcome == LockOutcome.Paid);
            emit LockResolved(channel, proof.position, proof.lock.hash, outcome, amount);
        }
    }

    function _judge(ChannelId channel, ChannelParameters calldata parameters, bytes32 leaf, LockProof calldata proof)
        private
        view
        returns (LockOutcome)
    {
        Lock calldata lock = proof.lock;
        address payee = lock.direction == Direction.ToProvider ? parameters.provider : parameters.client;
        return ChannelRules.outcome(
            lock.expiry,
            PREIMAGES.revealedAt(lock.hash),
            proof.cancellation.length != 0 && _isCancelled(channel, payee, leaf, proof.cancellation),
            block.timestamp
        );
    }

    /// @dev Moves a lock's amount, or what is left, from what its payer has locked to whom it goes. (SPEC CH-15)
    function _release(Head memory head, ChannelRules.Division memory division, Lock calldata lock, bool paid)
        private
        pure
        returns (uint256 amount)
    {
        bool byClient = lock.direction == Direction.ToProvider;
        uint256 left = uint256(byClient ? head.clientFunds : head.providerFunds);
        amount = ChannelRules.min(lock.amount, left);
        if (byClient) head.clientFunds = int256(left - amount);
        else head.providerFunds = int256(left - amount);
        if (byClient == paid) division.toProvider += amount;
        else division.toClient += amount;
    }

    function _outcomeAt(Record storage record, Head memory head, uint256 position) private view returns (LockOutcome) {
        return position < ChannelHead.OUTCOMES
            ? head.versionOrOutcomes.outcomeAt(position)
            : record.moreOutcomes.outcomeAt(position - ChannelHead.OUTCOMES);
    }

    function _note(Record storage record, Head memory head, uint256 position, LockOutcome outcome) private {
        if (position < ChannelHead.OUTCOMES) {
            head.versionOrOutcomes = head.versionOrOutcomes.noting(position, outcome);
        } else {
            record.moreOutcomes = record.moreOutcomes.noting(position - ChannelHead.OUTCOMES, outcome);
        }
    }

    // ------------------------------------------------------------------ internals: who agrees

    function _requireBoth(
        ChannelId channel,
        ChannelParameters calldata parameters,
        bytes32 message,
        bytes calldata clientSignature,
        bytes calldata providerSignature
    ) private view {
        bytes32 digest = _hashTypedDataV4(message);
        _requireConsent(channel, parameters.client, digest, clientSignature);
        _requireConsent(channel, parameters.provider, digest, providerSignature);
    }

    function _requireConsent(ChannelId channel, address signer, bytes32 digest, bytes calldata signature) private view {
        require(_consents(signer, digest, signature), InvalidSignature(channel, signer));
    }

    /// @dev ECDSA first, so that an account which delegates to code (EIP-7702) keeps its key's word. (SPEC CH-18)
    function _consents(address signer, bytes32 digest, bytes calldata signature) private view returns (bool) {
        if (msg.sender == signer) return true;
        (address recovered,,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (recovered == signer) return true;
        return signer.code.length != 0 && SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, signature);
    }

    function _isCancelled(ChannelId channel, address payee, bytes32 leaf, bytes calldata signature)
        private
        view
        returns (bool)
    {
        bytes32 message = Messages.hash(Cancellation(ChannelId.unwrap(channel), leaf));
        return _consents(payee, _hashTypedDataV4(message), signature);
    }

    // ------------------------------------------------------------------ internals: checks

    function _checkParameters(ChannelParameters calldata parameters) private view {
        (address client, address provider) = (parameters.client, parameters.provider);
        require(client != provider && client != address(0) && provider != address(0), InvalidParties(client, provider));
        uint256 period = parameters.challengePeriod;
        require(
            period >= MIN_CHALLENGE_PERIOD && period <= MAX_CHALLENGE_PERIOD,
            ChallengePeriodOutOfBounds(period, MIN_CHALLENGE_PERIOD, MAX_CHALLENGE_PERIOD)
        );
    }

    function _requireOpen(ChannelId channel, Record storage record) private view returns (Head memory head) {
        head = record.head.unpack();
        require(head.phase == ChannelPhase.Open, ChannelNotOpen(channel, head.phase));
    }

    function _requireParty(ChannelId channel, ChannelParameters calldata parameters, address account) private pure {
        require(account == parameters.client || account == parameters.provider, NotParty(channel, account));
    }

    function _requireInTime(uint64 deadline) private view {
        require(block.timestamp <= deadline, DeadlinePassed(deadline, block.timestamp));
    }

    function _requireRegistered(ChannelId channel, Record storage record, State calldata state) private view {
        bytes32 actual = _hashOf(channel, state);
        bytes32 registered = record.stateHash;
        require(actual == registered, WrongState(channel, actual, registered));
    }

    /// @dev What is stored of a state: its struct hash, or nothing of the opening.
    function _hashOf(ChannelId channel, State calldata state) private pure returns (bytes32) {
        require(state.channel == ChannelId.unwrap(channel), WrongChannel(channel, state.channel));
        if (state.version != 0) return Messages.hash(state);
        require(_isOpening(state), NotTheOpening(channel));
        return 0;
    }

    function _isOpening(State calldata state) private pure returns (bool) {
        return state.transferred == 0 && state.lockedByClient == 0 && state.lockedByProvider == 0
            && state.locksRoot == 0 && state.productsRoot == 0;
    }

    function _isPending(bytes32 locksRoot, bytes32 leaf, uint256 position, bytes32[] calldata path)
        private
        pure
        returns (bool)
    {
        return position < MAX_LOCKS && MerkleTree.verify(locksRoot, leaf, position, path);
    }
}
