// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {CompressedG1, G1Point, G2Point} from "../contracts/crypto/BLS12381.sol";
import {IMarketToken} from "./IMarketToken.sol";

/// @notice Number of a participant, from 1 in the order of registration; zero is nobody. (SPEC RG-1)
type ParticipantId is uint32;

/// @notice What a participant says about itself. (SPEC RG-2, RG-3)
/// @param roles Flags, ROLE_PROVIDER and so on; at least one.
/// @param metadata sha2-256 of its metadata document, a raw block; zero for none.
/// @param endpoint URL at which it answers; empty if it serves nobody.
struct Profile {
    uint32 roles;
    bytes32 metadata;
    string endpoint;
}

/// @notice A participant's public keys, and the proofs that it knows their secrets. (SPEC RG-4, RG-5)
/// @param signingProof Signature of the KeyPossession by the signing key, under BLS_POSSESSION_TAG.
/// @param decryptionProof Signature of the same by the decryption key.
struct ProvenKeys {
    G1Point signing;
    G1Point decryption;
    G2Point signingProof;
    G2Point decryptionProof;
}

/// @notice Everything about a participant.
/// @param keyEpoch Which pair of keys these are, from 1.
/// @param holds What of the participant's is open: while it is not zero the bond can't be withdrawn.
/// @param bond What counts, in MarketToken.
/// @param unbonding What is on its way out: can still be slashed, counts for nothing else.
/// @param withdrawableAt When the delay of what is unbonding ends.
/// @param signingKey 48 bytes, compressed; so is decryptionKey.
struct Participant {
    ParticipantId id;
    address account;
    uint32 roles;
    uint32 keyEpoch;
    uint32 holds;
    uint256 bond;
    uint256 unbonding;
    uint256 withdrawableAt;
    bytes32 metadata;
    string endpoint;
    bytes signingKey;
    bytes decryptionKey;
}

/// @title IParticipantRegistry
/// @notice Who is who: accounts with ids, roles, bonds and keys. (SPEC RG)
/// @dev Lifecycle: register; addBond, setProfile, rotateKeys, unbond, withdraw; deregister, and back by setProfile.
///
/// Trust: the owner names contracts that may hold, release and slash bonds, until it seals the registry; then nobody
/// can. Participants trust the code of those contracts. (SPEC RG-10)
/// Assumption: MarketToken moves exactly what it is asked to, calls nobody, and reverts rather than answer false.
interface IParticipantRegistry {
    // ------------------------------------------------------------------ errors

    /// @notice The account is not registered.
    error NotParticipant(address account);
    /// @notice No participant has this id.
    error UnknownParticipant(ParticipantId id);
    /// @notice The account has an id already.
    error AlreadyRegistered(address account, ParticipantId id);
    /// @notice Roles are a non-empty set of known flags.
    error InvalidRoles(uint256 roles, uint256 mask);
    /// @notice The endpoint is too long.
    error EndpointTooLong(uint256 length, uint256 maximum);

    /// @notice The point at infinity is no key.
    error KeyAtInfinity();
    /// @notice The proofs are not the account's for these keys in this epoch.
    error InvalidPossession(address account, uint256 epoch);

    /// @notice Less is bonded, or unbonding, than is asked for.
    error InsufficientBond(ParticipantId id, uint256 available, uint256 needed);
    /// @notice The delay has not passed.
    error StillUnbonding(ParticipantId id, uint256 withdrawableAt, uint256 time);
    /// @notice Something of the participant's is open.
    error BondHeld(ParticipantId id, uint256 holds);
    /// @notice Nothing of the participant's is held.
    error NotHeld(ParticipantId id);

    /// @notice Only the owner names slashers.
    error NotOwner(address sender);
    /// @notice No more slashers can be named.
    error RegistryIsSealed();
    /// @notice A slasher has to be a contract.
    error SlasherWithoutCode(address slasher);
    /// @notice The sender is no authorised contract.
    error NotSlasher(address sender);
    /// @notice A share is out of SCALE.
    error InvalidShare(uint256 share, uint256 maximum);
    /// @notice What is not burnt needs a beneficiary.
    error BeneficiaryMissing();

    // ------------------------------------------------------------------ events

    /// @notice `account` is participant `id` from now on.
    event Registered(ParticipantId indexed id, address indexed account);
    /// @notice What the participant says about itself is this from now on.
    event ProfileChanged(ParticipantId indexed id, uint256 indexed roles, bytes32 metadata, string endpoint);
    /// @notice These are the participant's keys from now on, in the given epoch.
    event KeysChanged(ParticipantId indexed id, uint256 epoch, CompressedG1 signing, CompressedG1 decryption);
    /// @notice `from` added to the participant's bond.
    event BondAdded(ParticipantId indexed id, address indexed from, uint256 amount);
    /// @notice `amount` more was moved aside; all that is unbonding can be withdrawn from `withdrawableAt` on.
    event UnbondingStarted(ParticipantId indexed id, uint256 amount, uint256 withdrawableAt);
    /// @notice The participant was paid what had been unbonding.
    event BondWithdrawn(ParticipantId indexed id, uint256 amount);
    /// @notice The participant has no roles from now on.
    event Deregistered(ParticipantId indexed id);
    /// @notice `amount` was taken from the participant: `burnt` of it destroyed, the rest paid to the beneficiary.
    event BondSlashed(
        ParticipantId indexed id, address indexed slasher, address indexed beneficiary, uint256 amount, uint256 burnt
    );
    /// @notice The contract may hold, release and slash from now on.
    event SlasherAuthorised(address indexed slasher);
    /// @notice No more slashers can be named.
    event RegistrySealed();

    // ------------------------------------------------------------------ trust

    /// @notice Let a contract hold, release and slash bonds, for ever. By the owner, until the seal.
    function authoriseSlasher(address slasher) external;

    /// @notice End the naming of slashers, and so the owner's only power. By the owner.
    function seal() external;

    // ------------------------------------------------------------------ participants

    /// @notice Register the caller, with a first bond pulled from it if `bond` is not zero.
    /// @param keys Proven for the caller and epoch 1.
    function register(Profile calldata profile, ProvenKeys calldata keys, uint256 bond)
        external
        returns (ParticipantId id);

    /// @notice `register` with the caller's ERC-2612 permit for exactly the bond.
    function registerWithPermit(
        Profile calldata profile,
        ProvenKeys calldata keys,
        uint256 bond,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (ParticipantId id);

    /// @notice Replace the caller's roles, metadata and endpoint. Takes a deregistered participant back in.
    function setProfile(Profile calldata profile) external;

    /// @notice Replace both of the caller's keys. (SPEC RG-6)
    /// @param keys Proven for the caller and the next epoch.
    function rotateKeys(ProvenKeys calldata keys) external;

    /// @notice Give up all roles and start the unbonding of the whole bond. Not while anything is held. (SPEC RG-13)
    function deregister() external;

    // ------------------------------------------------------------------ bonds

    /// @notice Add to a participant's bond out of the caller's pocket. By anybody. (SPEC RG-8)
    function addBond(ParticipantId id, uint256 amount) external;

    /// @notice `addBond` with the caller's ERC-2612 permit for exactly the amount.
    function addBondWithPermit(ParticipantId id, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;

    /// @notice Move part of the caller's bond aside and start the delay, anew for what was aside already. (SPEC RG-9)
    function unbond(uint256 amount) external;

    /// @notice Pay the caller all that is unbonding, after the delay and while nothing is held.
    function withdraw() external returns (uint256 amount);

    /// @notice Count one more open thing of a participant's. By an authorised contract. (SPEC RG-11)
    function hold(ParticipantId id) external;

    /// @notice Count one less. By an authorised contract.
    function release(ParticipantId id) external;

    /// @notice Take up to `amount` of a participant's bond, then of what is unbonding. By an authorised contract. (SPEC RG-12)
    /// @param burnShare Part of it that is burnt, out of SCALE, rounded up; the rest goes to the beneficiary.
    /// @return taken What there was to take.
    function slash(ParticipantId id, uint256 amount, uint256 burnShare, address beneficiary)
        external
        returns (uint256 taken);

    // ------------------------------------------------------------------ views

    /// @notice Everything about a participant. Reverts for an unknown id.
    function participantOf(ParticipantId id) external view returns (Participant memory);

    /// @notice Up to `limit` participants in the order of their ids, from `first`; empty beyond the last.
    function participantsFrom(ParticipantId first, uint256 limit) external view returns (Participant[] memory);

    /// @notice How many ids there are, which is the highest.
    function participantCount() external view returns (uint256);

    /// @notice The id of an account, zero if it has none.
    function idOf(address account) external view returns (ParticipantId);

    /// @notice The account of an id, zero if there is none.
    function accountOf(ParticipantId id) external view returns (address);

    /// @notice The decryption key of an account, which must be registered: what others encrypt to. (SPEC RG-7)
    function decryptionKeyOf(address account) external view returns (CompressedG1 memory);

    /// @notice The roles of a participant, zero if it is deregistered or unknown.
    function rolesOf(ParticipantId id) external view returns (uint256);

    /// @notice The bond that counts, without what is unbonding; zero for an unknown id.
    function bondOf(ParticipantId id) external view returns (uint256);

    /// @notice The bond that counts of an account; zero if it is not registered.
    function bondOfAccount(address account) external view returns (uint256);

    /// @notice Whether a contract may hold, release and slash.
    function isSlasher(address account) external view returns (bool);

    /// @notice Whether no more slashers can be named.
    function isSealed() external view returns (bool);

    /// @notice Who names slashers until the seal.
    function OWNER() external view returns (address);

    /// @notice What bonds are in.
    function MARKET_TOKEN() external view returns (IMarketToken);

    /// @notice Seconds from `unbond` to the earliest `withdraw`.
    function UNBONDING_PERIOD() external view returns (uint256);
}
