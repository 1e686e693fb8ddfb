// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ChannelPhase, Direction, LockOutcome} from "../contracts/protocol/Enums.sol";
import {State} from "../contracts/protocol/Messages.sol";
import {IPreimageRegistry} from "./IPreimageRegistry.sol";

/// @notice keccak256 of the channel's parameters. (SPEC CH-1)
type ChannelId is bytes32;

/// @notice What a channel is, fixed for ever. Passed to every call, since the hub stores its hash alone.
/// @param token The asset; zero is the native coin.
/// @param challengePeriod Seconds for which a registered state may be replaced by a newer one.
/// @param salt Tells channels apart that are otherwise alike.
struct ChannelParameters {
    address client;
    address provider;
    address token;
    uint64 challengePeriod;
    bytes32 salt;
}

/// @notice A payment that waits for a preimage. (SPEC CH-7)
/// @param hash keccak256 of the 32-byte preimage.
/// @param expiry Last second, absolute, at which revealing the preimage makes the lock pay.
/// @param product Digest of the product whose ownership moves with the payment; zero for none.
/// @param nonce Counts the locks of a channel from 1.
struct Lock {
    Direction direction;
    uint128 amount;
    bytes32 hash;
    uint64 expiry;
    bytes32 product;
    uint64 nonce;
}

/// @notice A lock of the registered state, shown for its resolution.
/// @param position Where the lock stands in the tree of pending locks.
/// @param path Its siblings from the leaf up.
/// @param cancellation Signature by the lock's payee of the Cancellation of it; empty for none.
struct LockProof {
    Lock lock;
    uint256 position;
    bytes32[] path;
    bytes cancellation;
}

/// @notice The caller's ERC-2612 signature that lets the hub pull `value`.
struct Permit {
    uint256 value;
    uint256 deadline;
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/// @notice Everything the hub knows about a channel.
/// @param challengeEnd Last second at which a newer state may be registered; zero while Open and after a
/// cooperative close.
/// @param version Version of the registered state while Closing, else zero.
/// @param clientDeposit What arrived for the client, zero once Closed; likewise for the provider.
/// @param clientWithdrawn What the client has withdrawn in all; likewise the provider.
/// @param lockedByClient What the client paid into locks that are not resolved yet, zero unless Closed; likewise the
/// provider.
/// @param stateHash Struct hash of the registered state while Closing, zero if that is the opening; kept once Closed
/// if locks were pending.
struct Channel {
    ChannelPhase phase;
    uint64 challengeEnd;
    uint64 version;
    uint256 clientDeposit;
    uint256 providerDeposit;
    uint256 clientWithdrawn;
    uint256 providerWithdrawn;
    uint256 lockedByClient;
    uint256 lockedByProvider;
    bytes32 stateHash;
    bytes32 productsRoot;
}

/// @title IChannelHub
/// @notice Holds the money of all channels between clients and providers, and ends them. (SPEC CH)
/// @dev Lifecycle: open; topUp, withdraw while Open; closeCooperatively, or registerState, settle, resolve.
///
/// Who consents: a signature is asked of each party that must agree. The party that sends the transaction itself agrees
/// by that, whatever it passes as its signature. Otherwise ECDSA decides, and where that does not match and the party
/// has code, ERC-1271. (SPEC CH-18)
///
/// Assumptions on an allowed token (SPEC CH-19; the owner answers for them): `transfer` and `transferFrom` move the
/// balances if and only if they succeed and do not return false; `transfer` takes no more from the hub than the amount;
/// balances do not shrink by themselves. A token that breaks them endangers what the hub holds in that token alone.
/// A tax on receiving, hooks, blocklists, pauses and missing return values do no harm.
///
/// What the peers must know: a Withdrawal and a CooperativeClose can be used until their deadlines, so a peer that
/// signed one counts it as done until then; times are those of blocks, which may be re-organised; a contract wallet
/// may stop accepting what it accepted.
interface IChannelHub {
    // ------------------------------------------------------------------ errors

    /// @notice Only a party of the channel can do this, or be meant by it.
    error NotParty(ChannelId channel, address account);
    /// @notice The parties of a channel are two different accounts, neither of them zero.
    error InvalidParties(address client, address provider);
    /// @notice The challenge period is out of the hub's bounds.
    error ChallengePeriodOutOfBounds(uint256 actual, uint256 minimum, uint256 maximum);
    /// @notice The bounds of challenge periods are the wrong way round, or beyond a century.
    error InvalidBounds(uint256 minimum, uint256 maximum);
    /// @notice The hub's owner has not allowed this token.
    error TokenNotAllowed(address token);
    /// @notice A token is a contract.
    error TokenHasNoCode(address token);

    /// @notice A channel with these parameters was opened before.
    error ChannelExists(ChannelId channel);
    /// @notice The channel is not Open.
    error ChannelNotOpen(ChannelId channel, ChannelPhase phase);
    /// @notice The channel is not Closing.
    error ChannelNotClosing(ChannelId channel, ChannelPhase phase);
    /// @notice The channel is neither Open nor Closing.
    error ChannelNotLive(ChannelId channel, ChannelPhase phase);
    /// @notice The channel is not Closed.
    error ChannelNotClosed(ChannelId channel, ChannelPhase phase);

    /// @notice The challenge period ended before `time`: the registered state stands.
    error ChallengePeriodOver(ChannelId channel, uint256 end, uint256 time);
    /// @notice The challenge period has not ended yet at `time`.
    error ChallengePeriodRunning(ChannelId channel, uint256 end, uint256 time);
    /// @notice What was signed was good until `deadline`.
    error DeadlinePassed(uint256 deadline, uint256 time);

    /// @notice The signature is not the signer's for this message.
    error InvalidSignature(ChannelId channel, address signer);
    /// @notice The state is one of another channel.
    error WrongChannel(ChannelId channel, bytes32 named);
    /// @notice A version-0 state is the opening: nothing in it but the channel.
    error NotTheOpening(ChannelId channel);
    /// @notice A registered state gives way to a strictly newer one only.
    error StaleVersion(ChannelId channel, uint256 version, uint256 registered);
    /// @notice No peer signs a version as large as that.
    error VersionTooLarge(ChannelId channel, uint256 version, uint256 maximum);
    /// @notice The state shown is not the registered one.
    error WrongState(ChannelId channel, bytes32 actual, bytes32 registered);
    /// @notice The lock does not stand at this position of the registered state's locks.
    error InvalidLockProof(ChannelId channel, uint256 position);

    /// @notice The native coin sent with the call is not the amount named in it.
    error WrongValue(uint256 sent, uint256 needed);
    /// @notice More than the hub keeps for one side of a channel.
    error AmountTooLarge(uint256 amount, uint256 maximum);
    /// @notice Less of a deposit arrived than the counterparty was promised.
    error DepositFellShort(uint256 arrived, uint256 promised);
    /// @notice The account's credit is less than is needed of it.
    error InsufficientCredit(address token, address account, uint256 credit, uint256 needed);
    /// @notice The party has withdrawn this total already.
    error AlreadyWithdrawn(ChannelId channel, uint256 withdrawn, uint256 total);
    /// @notice The channel holds less than the withdrawal would take out.
    error WithdrawalTooLarge(ChannelId channel, uint256 amount, uint256 held);
    /// @notice The native coin could not be sent.
    error PaymentFailed(address to, uint256 amount);
    /// @notice So little gas is left that a payment might fail for that reason alone.
    error NotEnoughGas(uint256 left, uint256 needed);

    // ------------------------------------------------------------------ events

    /// @notice Channels in this token can be opened and topped up from now on.
    event TokenAllowed(address indexed token);
    /// @notice Channels in this token can no longer be opened or topped up.
    event TokenDisallowed(address indexed token);

    /// @notice `from` added to the credit of `account`.
    event CreditFunded(address indexed token, address indexed account, address from, uint256 amount);
    /// @notice A payment could not be pushed to `account` and became its credit.
    event PaymentCredited(address indexed token, address indexed account, uint256 amount);
    /// @notice `account` took credit out, to `to`.
    event CreditCollected(address indexed token, address indexed account, address to, uint256 amount);

    /// @notice A channel was opened by `opener`; the other side's deposit was drawn from its credit.
    event ChannelOpened(
        ChannelId indexed channel,
        address indexed client,
        address indexed provider,
        address token,
        uint256 challengePeriod,
        bytes32 salt,
        address opener,
        uint256 clientDeposit,
        uint256 providerDeposit
    );
    /// @notice `amount` more was deposited for `party`.
    event ChannelToppedUp(ChannelId indexed channel, address indexed party, uint256 amount);
    /// @notice `amount` left the channel for `account`, `total` in all.
    event ChannelWithdrawn(ChannelId indexed channel, address indexed account, uint256 amount, uint256 total);
    /// @notice Both parties closed the channel at once; these amounts were paid.
    event ChannelClosed(ChannelId indexed channel, uint256 toClient, uint256 toProvider, bytes32 productsRoot);
    /// @notice A state was registered. Who holds a newer one must register that until `challengeEnd`.
    event StateRegistered(ChannelId indexed channel, State state, uint256 challengeEnd);
    /// @notice The registered state stands: what is in no lock was paid; these amounts wait in locks.
    event ChannelSettled(
        ChannelId indexed channel,
        uint256 toClient,
        uint256 toProvider,
        uint256 lockedByClient,
        uint256 lockedByProvider,
        bytes32 productsRoot
    );
    /// @notice A pending lock was resolved; `amount` went to its payee if Paid, back to its payer if Refunded.
    event LockResolved(
        ChannelId indexed channel, uint256 indexed position, bytes32 hash, LockOutcome outcome, uint256 amount
    );

    // ------------------------------------------------------------------ tokens

    /// @notice Let channels in `token` be opened and topped up. By the owner, who checked the assumptions above.
    function allowToken(address token) external;

    /// @notice Stop openings and top-ups in `token`. By the owner. No exit depends on the list.
    function disallowToken(address token) external;

    // ------------------------------------------------------------------ credit

    /// @notice Add `amount` of the caller's to the credit of `account`; what arrives is credited. (SPEC CH-2)
    /// @dev Credit is drawn by openings which the account signed, and collected by the account.
    function fund(address token, address account, uint256 amount) external payable;

    /// @notice `fund` with the caller's ERC-2612 permit instead of an allowance given before.
    function fundWithPermit(address token, address account, uint256 amount, Permit calldata permit) external;

    /// @notice Take `amount` of the caller's credit out, to any account.
    /// @dev Not bounded in gas, and not limited to the caller: whom no push can reach finds another way.
    function collect(address token, address to, uint256 amount) external;

    // ------------------------------------------------------------------ life of a channel

    /// @notice Open a channel, with the caller's deposit and, if it signed an Opening, the counterparty's. (SPEC CH-3)
    /// @dev The caller is one of the parties; its deposit is pulled, or sent along. The other's is drawn from its credit.
    /// @param deadline That of the Opening; without a deposit of the counterparty neither this nor the signature counts.
    /// @param signature The counterparty's, of the Opening with exactly these deposits.
    function open(
        ChannelParameters calldata parameters,
        uint128 clientDeposit,
        uint128 providerDeposit,
        uint64 deadline,
        bytes calldata signature
    ) external payable returns (ChannelId channel);

    /// @notice `open` with the caller's ERC-2612 permit for its own deposit.
    function openWithPermit(
        ChannelParameters calldata parameters,
        uint128 clientDeposit,
        uint128 providerDeposit,
        uint64 deadline,
        bytes calldata signature,
        Permit calldata permit
    ) external returns (ChannelId channel);

    /// @notice Add to the deposit of `party` out of the caller's pocket, while Open. By anybody. (SPEC CH-4)
    function topUp(ChannelParameters calldata parameters, address party, uint256 amount) external payable;

    /// @notice `topUp` with the caller's ERC-2612 permit.
    function topUpWithPermit(
        ChannelParameters calldata parameters,
        address party,
        uint256 amount,
        Permit calldata permit
    ) external;

    /// @notice Pay out what both parties agreed that `account` may have, while Open. By anybody. (SPEC CH-6)
    /// @param total What the account has then withdrawn in all, so that a repeat takes nothing.
    function withdraw(
        ChannelParameters calldata parameters,
        address account,
        uint128 total,
        uint64 deadline,
        bytes calldata clientSignature,
        bytes calldata providerSignature
    ) external;

    /// @notice End the channel at once on terms which both signed, while Open or Closing. By anybody. (SPEC CH-12)
    function closeCooperatively(
        ChannelParameters calldata parameters,
        int128 transferred,
        bytes32 productsRoot,
        uint64 deadline,
        bytes calldata clientSignature,
        bytes calldata providerSignature
    ) external;

    /// @notice Register a state on which both agree, or the opening. (SPEC CH-13)
    /// @dev The first one, by a party, starts the challenge period; until its end a strictly newer one replaces it, by
    /// anybody. The end never moves.
    /// @param state With version 0: the opening, every other field but the channel zero, signatures ignored.
    function registerState(
        ChannelParameters calldata parameters,
        State calldata state,
        bytes calldata clientSignature,
        bytes calldata providerSignature
    ) external;

    /// @notice After the challenge period: pay what is in no lock, and resolve the locks shown. By anybody. (SPEC CH-14)
    /// @param state The registered one.
    /// @param locks Any of the pending locks; none is needed.
    function settle(ChannelParameters calldata parameters, State calldata state, LockProof[] calldata locks) external;

    /// @notice Resolve locks that were pending at the end. By anybody, for ever. (SPEC CH-9, CH-14)
    /// @dev A lock whose preimage was revealed by its expiry pays. Else, it refunds after its expiry, or at once when its
    /// payee cancelled it. What is resolved already, or cannot be yet, is skipped.
    function resolve(ChannelParameters calldata parameters, State calldata state, LockProof[] calldata locks) external;

    // ------------------------------------------------------------------ views

    /// @notice The id of the channel with these parameters, opened or not.
    function idOf(ChannelParameters calldata parameters) external pure returns (ChannelId channel);

    /// @notice What the hub knows about a channel; all zero for one that was never opened.
    function channelOf(ChannelId channel) external view returns (Channel memory);

    /// @notice Root of the products whose ownership moved in the channel; zero before it ended. (SPEC CH-17)
    function productsRootOf(ChannelId channel) external view returns (bytes32 root);

    /// @notice What became of the lock at `position`, as far as it has been resolved.
    function outcomeOf(ChannelId channel, uint256 position) external view returns (LockOutcome outcome);

    /// @notice Whether a lock that was pending when the channel ended has paid, or can do nothing else any more. (SPEC CH-17)
    /// @dev Never reverts. Once true it stays true.
    /// @param state The state by which the channel was settled.
    function isPaid(
        ChannelId channel,
        State calldata state,
        Lock calldata lock,
        uint256 position,
        bytes32[] calldata path
    ) external view returns (bool);

    /// @notice What `account` can collect, or have drawn by an opening.
    function creditOf(address token, address account) external view returns (uint256 amount);

    /// @notice Whether channels in `token` can be opened and topped up; always for the native coin.
    function isAllowed(address token) external view returns (bool);

    /// @notice Where preimages are revealed.
    function PREIMAGES() external view returns (IPreimageRegistry);

    /// @notice Shortest challenge period of a channel, in seconds.
    function MIN_CHALLENGE_PERIOD() external view returns (uint256);

    /// @notice Longest challenge period of a channel, in seconds.
    function MAX_CHALLENGE_PERIOD() external view returns (uint256);

    /// @notice Gas that a payment may use before it becomes credit instead.
    function PUSH_GAS() external view returns (uint256);
}
