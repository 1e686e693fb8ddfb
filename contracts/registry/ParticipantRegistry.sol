// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IMarketToken} from "../../interfaces/IMarketToken.sol";
import {
    IParticipantRegistry,
    Participant,
    ParticipantId,
    Profile,
    ProvenKeys
} from "../../interfaces/IParticipantRegistry.sol";
import {BLS12381, CompressedG1} from "../crypto/BLS12381.sol";
import {MAX_ENDPOINT_BYTES, ROLE_MASK, SCALE} from "../protocol/Constants.sol";
import {DOMAIN_NAME, DOMAIN_VERSION, KeyPossession, Messages} from "../protocol/Messages.sol";
import {ParticipantRules} from "./ParticipantRules.sol";

/// @title ParticipantRegistry
/// @notice Who is who: accounts with ids, roles, bonds and keys.
/// @dev Lifecycle, trust and assumptions stand in IParticipantRegistry. Invariants: RG-I1 to RG-I4.
contract ParticipantRegistry is IParticipantRegistry, EIP712 {
    using Messages for KeyPossession;
    using SafeCast for uint256;
    using SafeERC20 for IMarketToken;

    /// @dev Two keys of 48 bytes in three words. (SPEC RG-7)
    struct Keys {
        bytes32 signingHead;
        bytes32 decryptionHead;
        bytes16 signingTail;
        bytes16 decryptionTail;
    }

    struct Record {
        address account;
        uint32 roles;
        uint32 keyEpoch;
        uint32 holds;
        uint104 bond;
        uint104 unbonding;
        uint48 withdrawableAt;
        bytes32 metadata;
        Keys keys;
        string endpoint;
    }

    /// @inheritdoc IParticipantRegistry
    IMarketToken public immutable MARKET_TOKEN;
    /// @inheritdoc IParticipantRegistry
    address public immutable OWNER;
    /// @inheritdoc IParticipantRegistry
    uint256 public immutable UNBONDING_PERIOD;

    bool private _sealed;
    uint32 private _count;
    mapping(address slasher => bool) private _slashers;
    mapping(address account => ParticipantId) private _ids;
    mapping(ParticipantId id => Record) private _records;

    modifier onlyOwner() {
        require(msg.sender == OWNER, NotOwner(msg.sender));
        _;
    }

    modifier onlySlasher() {
        require(_slashers[msg.sender], NotSlasher(msg.sender));
        _;
    }

    constructor(IMarketToken token, address owner, uint256 unbondingPeriod) EIP712(DOMAIN_NAME, DOMAIN_VERSION) {
        MARKET_TOKEN = token;
        OWNER = owner;
        UNBONDING_PERIOD = unbondingPeriod;
    }

    // ------------------------------------------------------------------ trust

    /// @inheritdoc IParticipantRegistry
    function authoriseSlasher(address slasher) external onlyOwner {
        require(!_sealed, RegistryIsSealed());
        require(slasher.code.length > 0, SlasherWithoutCode(slasher));
        _slashers[slasher] = true;
        emit SlasherAuthorised(slasher);
    }

    /// @inheritdoc IParticipantRegistry
    function seal() external onlyOwner {
        require(!_sealed, RegistryIsSealed());
        _sealed = true;
        emit RegistrySealed();
    }

    // ------------------------------------------------------------------ participants

    /// @inheritdoc IParticipantRegistry
    function register(Profile calldata profile, ProvenKeys calldata keys, uint256 bond)
        public
        returns (ParticipantId id)
    {
        id = _ids[msg.sender];
        require(ParticipantId.unwrap(id) == 0, AlreadyRegistered(msg.sender, id));
        id = ParticipantId.wrap(++_count);
        _ids[msg.sender] = id;
        _records[id].account = msg.sender;
        emit Registered(id, msg.sender);
        _setProfile(id, profile);
        _setKeys(id, keys);
        if (bond > 0) _addBond(id, bond);
    }

    /// @inheritdoc IParticipantRegistry
    function registerWithPermit(
        Profile calldata profile,
        ProvenKeys calldata keys,
        uint256 bond,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (ParticipantId id) {
        _permit(bond, deadline, v, r, s);
        return register(profile, keys, bond);
    }

    /// @inheritdoc IParticipantRegistry
    function setProfile(Profile calldata profile) external {
        _setProfile(_callerId(), profile);
    }

    /// @inheritdoc IParticipantRegistry
    function rotateKeys(ProvenKeys calldata keys) external {
        _setKeys(_callerId(), keys);
    }

    /// @inheritdoc IParticipantRegistry
    function deregister() external {
        ParticipantId id = _callerId();
        Record storage record = _records[id];
        require(record.holds == 0, BondHeld(id, record.holds));
        record.roles = 0;
        delete record.metadata;
        delete record.endpoint;
        emit Deregistered(id);
        if (record.bond > 0) _unbond(id, record.bond);
    }

    // ------------------------------------------------------------------ bonds

    /// @inheritdoc IParticipantRegistry
    function addBond(ParticipantId id, uint256 amount) external {
        _addBond(id, amount);
    }

    /// @inheritdoc IParticipantRegistry
    function addBondWithPermit(ParticipantId id, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        _permit(amount, deadline, v, r, s);
        _addBond(id, amount);
    }

    /// @inheritdoc IParticipantRegistry
    function unbond(uint256 amount) external {
        _unbond(_callerId(), amount);
    }

    /// @inheritdoc IParticipantRegistry
    function withdraw() external returns (uint256 amount) {
        ParticipantId id = _callerId();
        Record storage record = _records[id];
        require(record.holds == 0, BondHeld(id, record.holds));
        require(block.timestamp >= record.withdrawableAt, StillUnbonding(id, record.withdrawableAt, block.timestamp));
        amount = record.unbonding;
        record.unbonding = 0;
        emit BondWithdrawn(id, amount);
        MARKET_TOKEN.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IParticipantRegistry
    function hold(ParticipantId id) external onlySlasher {
        ++_known(id).holds;
    }

    /// @inheritdoc IParticipantRegistry
    function release(ParticipantId id) external onlySlasher {
        Record storage record = _known(id);
        require(record.holds > 0, NotHeld(id));
        --record.holds;
    }

    /// @inheritdoc IParticipantRegistry
    function slash(ParticipantId id, uint256 amount, uint256 burnShare, address beneficiary)
        external
        onlySlasher
        returns (uint256 taken)
    {
        require(burnShare <= SCALE, InvalidShare(burnShare, SCALE));
        require(beneficiary != address(0) || burnShare == SCALE, BeneficiaryMissing());
        Record storage record = _known(id);
        uint256 fromBond = Math.min(amount, record.bond);
        uint256 fromUnbonding = Math.min(amount - fromBond, record.unbonding);
        record.bond -= uint104(fromBond);
        record.unbonding -= uint104(fromUnbonding);
        taken = fromBond + fromUnbonding;
        uint256 burnt = Math.ceilDiv(taken * burnShare, SCALE);
        emit BondSlashed(id, msg.sender, beneficiary, taken, burnt);
        MARKET_TOKEN.burn(burnt);
        if (taken > burnt) MARKET_TOKEN.safeTransfer(beneficiary, taken - burnt);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IParticipantRegistry
    function participantOf(ParticipantId id) public view returns (Participant memory) {
        Record storage record = _known(id);
        Keys memory keys = record.keys;
        return Participant({
            id: id,
            account: record.account,
            roles: record.roles,
            keyEpoch: record.keyEpoch,
            holds: record.holds,
            bond: record.bond,
            unbonding: record.unbonding,
            withdrawableAt: record.withdrawableAt,
            metadata: record.metadata,
            endpoint: record.endpoint,
            signingKey: abi.encodePacked(keys.signingHead, keys.signingTail),
            decryptionKey: abi.encodePacked(keys.decryptionHead, keys.decryptionTail)
        });
    }

    /// @inheritdoc IParticipantRegistry
    function participantsFrom(ParticipantId first, uint256 limit)
        external
        view
        returns (Participant[] memory participants)
    {
        uint256 start = ParticipantId.unwrap(first);
        require(start > 0, UnknownParticipant(first));
        if (start > _count) return participants;
        participants = new Participant[](Math.min(limit, _count - start + 1));
        for (uint256 i; i < participants.length; ++i) {
            participants[i] = participantOf(ParticipantId.wrap(uint32(start + i)));
        }
    }

    /// @inheritdoc IParticipantRegistry
    function participantCount() external view returns (uint256) {
        return _count;
    }

    /// @inheritdoc IParticipantRegistry
    function idOf(address account) external view returns (ParticipantId) {
        return _ids[account];
    }

    /// @inheritdoc IParticipantRegistry
    function accountOf(ParticipantId id) external view returns (address) {
        return _records[id].account;
    }

    /// @inheritdoc IParticipantRegistry
    function decryptionKeyOf(address account) external view returns (CompressedG1 memory) {
        ParticipantId id = _ids[account];
        require(ParticipantId.unwrap(id) != 0, NotParticipant(account));
        Keys storage keys = _records[id].keys;
        return CompressedG1(keys.decryptionHead, keys.decryptionTail);
    }

    /// @inheritdoc IParticipantRegistry
    function rolesOf(ParticipantId id) external view returns (uint256) {
        return _records[id].roles;
    }

    /// @inheritdoc IParticipantRegistry
    function bondOf(ParticipantId id) external view returns (uint256) {
        return _records[id].bond;
    }

    /// @inheritdoc IParticipantRegistry
    function bondOfAccount(address account) external view returns (uint256) {
        return _records[_ids[account]].bond;
    }

    /// @inheritdoc IParticipantRegistry
    function isSlasher(address account) external view returns (bool) {
        return _slashers[account];
    }

    /// @inheritdoc IParticipantRegistry
    function isSealed() external view returns (bool) {
        return _sealed;
    }

    // ------------------------------------------------------------------ internals

    function _setProfile(ParticipantId id, Profile calldata profile) private {
        uint256 roles = profile.roles;
        require(roles != 0 && roles & ~ROLE_MASK == 0, InvalidRoles(roles, ROLE_MASK));
        uint256 length = bytes(profile.endpoint).length;
        require(length <= MAX_ENDPOINT_BYTES, EndpointTooLong(length, MAX_ENDPOINT_BYTES));
        Record storage record = _records[id];
        record.roles = profile.roles;
        record.metadata = profile.metadata;
        record.endpoint = profile.endpoint;
        emit ProfileChanged(id, roles, profile.metadata, profile.endpoint);
    }

    function _setKeys(ParticipantId id, ProvenKeys memory keys) private {
        require(!BLS12381.isInfinity(keys.signing) && !BLS12381.isInfinity(keys.decryption), KeyAtInfinity());
        CompressedG1 memory signing = BLS12381.compress(keys.signing);
        CompressedG1 memory decryption = BLS12381.compress(keys.decryption);
        Record storage record = _records[id];
        uint32 epoch = ++record.keyEpoch;
        KeyPossession memory possession =
            KeyPossession({account: msg.sender, epoch: epoch, keys: ParticipantRules.hashOf(signing, decryption)});
        require(
            ParticipantRules.provesPossession(keys, _hashTypedDataV4(possession.hash())),
            InvalidPossession(msg.sender, epoch)
        );
        record.keys = Keys(signing.head, decryption.head, signing.tail, decryption.tail);
        emit KeysChanged(id, epoch, signing, decryption);
    }

    /// @dev Whoever saw the permit may have used it already: then the allowance is there all the same.
    function _permit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) private {
        try MARKET_TOKEN.permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
    }

    function _addBond(ParticipantId id, uint256 amount) private {
        Record storage record = _known(id);
        record.bond = (record.bond + amount).toUint104();
        emit BondAdded(id, msg.sender, amount);
        MARKET_TOKEN.safeTransferFrom(msg.sender, address(this), amount);
    }

    function _unbond(ParticipantId id, uint256 amount) private {
        Record storage record = _records[id];
        require(amount <= record.bond, InsufficientBond(id, record.bond, amount));
        uint48 withdrawableAt = (block.timestamp + UNBONDING_PERIOD).toUint48();
        record.bond -= uint104(amount);
        record.unbonding = (record.unbonding + amount).toUint104();
        record.withdrawableAt = withdrawableAt;
        emit UnbondingStarted(id, amount, withdrawableAt);
    }

    function _callerId() private view returns (ParticipantId id) {
        id = _ids[msg.sender];
        require(ParticipantId.unwrap(id) != 0, NotParticipant(msg.sender));
    }

    function _known(ParticipantId id) private view returns (Record storage record) {
        record = _records[id];
        require(record.account != address(0), UnknownParticipant(id));
    }
}
