// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {ChannelHub} from "../../contracts/channels/ChannelHub.sol";
import {PreimageRegistry} from "../../contracts/channels/PreimageRegistry.sol";
import {BLS12381, CompressedG1, G1Point, G2Point} from "../../contracts/crypto/BLS12381.sol";
import {ChaCha20} from "../../contracts/crypto/ChaCha20.sol";
import {EqualityProof} from "../../contracts/crypto/ChaumPedersen.sol";
import {MerkleTree} from "../../contracts/crypto/MerkleTree.sol";
import {Marketplace} from "../../contracts/market/Marketplace.sol";
import {Sealing} from "../../contracts/market/Sealing.sol";
import {HostileBlocklistToken} from "../../contracts/mocks/HostileTokens.sol";
import {ScriptedCourt} from "../../contracts/mocks/ScriptedCourt.sol";
import {
    BLS_POSSESSION_TAG,
    ROLE_CLIENT,
    SEAL_MASK_TAG,
    SEAL_PROOF_TAG,
    SELLER_PENALTY
} from "../../contracts/protocol/Constants.sol";
import {PurchasePhase} from "../../contracts/protocol/Enums.sol";
import {DOMAIN_NAME, DOMAIN_VERSION, KeyPossession, Messages} from "../../contracts/protocol/Messages.sol";
import {ParticipantRegistry} from "../../contracts/registry/ParticipantRegistry.sol";
import {ParticipantRules} from "../../contracts/registry/ParticipantRules.sol";
import {ReputationLedger} from "../../contracts/reputation/ReputationLedger.sol";
import {MarketToken} from "../../contracts/token/MarketToken.sol";
import {ListingId, ListingTerms, MarketSettings, PurchaseId, PurchaseTerms} from "../../interfaces/IMarketplace.sol";
import {IMarketToken} from "../../interfaces/IMarketToken.sol";
import {PanelTerms} from "../../interfaces/IModelTasks.sol";
import {CaseId, IOracleCourt} from "../../interfaces/IOracleCourt.sol";
import {ParticipantId, Profile, ProvenKeys} from "../../interfaces/IParticipantRegistry.sol";
import {ChunkProof, MaskedKey, Sealed, SharedPoint} from "../../interfaces/ISealing.sol";
import {vm} from "./Vm.sol";

/// @title MarketHandler
/// @notice A marketplace with sellers, honest and not, buyers, honest and not, and an eye on the money.
contract MarketHandler {
    using Messages for KeyPossession;

    /// @dev `handed` is the key that the seller handed over, `chunk` and `digest` what it published.
    struct Deal {
        ListingTerms listing;
        PurchaseTerms terms;
        PurchaseId id;
        bytes32 key;
        bytes32 handed;
        bytes chunk;
        bytes32 digest;
        bool closed;
    }

    uint256 private constant _SELLERS = 2;
    uint256 private constant _ACTORS = 5;
    uint256 private constant _TOKENS = 3;
    uint256 private constant _EPHEMERAL = 31_415_926;
    uint256 private constant _NONCE = 27_182_818;
    uint256 private constant _PERIOD = 1_000;

    Marketplace public immutable MARKET;
    ScriptedCourt private immutable _COURT;
    ParticipantRegistry private immutable _REGISTRY;
    MarketToken private immutable _TOKEN;
    HostileBlocklistToken private immutable _BLOCKING;

    address[] private _accounts;
    address[] private _tokens;
    Deal[] private _deals;
    uint256 private _seed;

    /// @notice Prices of purchases that are not closed, and what was taken in and collected, by token.
    mapping(address token => uint256) public open;
    mapping(address token => uint256) public collected;
    mapping(address token => uint256) public bought;
    /// @notice The first thing that should not have happened; empty if nothing did.
    string public violation;
    mapping(string action => uint256) public done;

    modifier drawing(uint256 seed) {
        _seed = seed;
        _;
    }

    constructor() {
        IMarketToken.Allotment memory part = IMarketToken.Allotment(address(this), 250_000_000 ether);
        _TOKEN = new MarketToken(address(this), IMarketToken.Allotments(part, part, part, part));
        _REGISTRY = new ParticipantRegistry(_TOKEN, address(this), 3 * _PERIOD);
        ChannelHub hub = new ChannelHub(address(this), new PreimageRegistry(), 1, 10);
        ReputationLedger ledger = new ReputationLedger(address(this));
        _COURT = new ScriptedCourt(IERC20(address(_TOKEN)));
        MarketSettings memory settings = MarketSettings(uint32(_PERIOD), uint32(_PERIOD), PanelTerms(5, 100, 100, 100));
        MARKET = new Marketplace(hub, _REGISTRY, ledger, IOracleCourt(address(_COURT)), settings);
        ledger.authoriseRecorder(address(MARKET));
        _REGISTRY.authoriseSlasher(address(MARKET));
        _BLOCKING = new HostileBlocklistToken();
        _tokens = [address(0), address(_TOKEN), address(_BLOCKING)];
        hub.allowToken(address(_TOKEN));
        hub.allowToken(address(_BLOCKING));
        for (uint256 i; i < _ACTORS; ++i) {
            _enroll(i);
        }
    }

    // ------------------------------------------------------------------ actions

    function trade(uint256 seed) external drawing(seed) {
        _deals.push();
        Deal storage deal = _deals[_deals.length - 1];
        address seller = _accounts[_draw(_SELLERS)];
        _write(deal, seller, _tokens[_draw(_TOKENS)]);
        uint256 price = _draw(1 ether);
        vm.prank(seller);
        try MARKET.publish(deal.listing, price) returns (ListingId listing) {
            uint256 buyer = _SELLERS + _draw(_ACTORS - _SELLERS);
            _buy(deal, listing, buyer, price);
        } catch {
            _deals.pop();
        }
    }

    function deliver(uint256 seed) external drawing(seed) {
        Deal storage deal = _some();
        if (MARKET.purchaseOf(deal.id).phase != PurchasePhase.Bought) return;
        deal.handed = _draw(3) == 0 ? keccak256(abi.encode(seed)) : deal.key;
        MaskedKey memory key = _masked(deal);
        vm.prank(_draw(8) == 0 ? deal.terms.buyer : deal.terms.seller);
        try MARKET.deliver(deal.terms, key) {
            ++done["deliver"];
        } catch {}
    }

    function refund(uint256 seed) external drawing(seed) {
        Deal storage deal = _some();
        vm.prank(_anyone());
        try MARKET.refund(deal.terms) {
            _close(deal, "refund");
        } catch {}
    }

    function finalise(uint256 seed) external drawing(seed) {
        Deal storage deal = _some();
        vm.prank(_anyone());
        try MARKET.finalise(deal.terms) {
            _close(deal, "finalise");
        } catch {}
    }

    function claimWrongKey(uint256 seed) external drawing(seed) {
        Deal storage deal = _some();
        (uint256 before, bool wrong) = (deal.terms.buyer.balance, deal.handed != deal.key);
        (MaskedKey memory key, SharedPoint memory point) = (_masked(deal), _shown(deal));
        vm.prank(deal.terms.buyer);
        try MARKET.claimWrongKey(deal.listing, deal.terms, key, point) {
            _judged(deal, wrong, before, "claimWrongKey");
        } catch {}
    }

    function claimWrongChunk(uint256 seed) external drawing(seed) {
        Deal storage deal = _some();
        bytes memory content = abi.encodePacked(deal.key, deal.chunk);
        ChaCha20.applyTo(content, 32, deal.key, 0, 0);
        bool wrong = deal.handed != deal.key || sha256(content) != deal.digest;
        ChunkProof memory proof = ChunkProof(0, deal.chunk, deal.digest, new bytes32[](0), new bytes32[](0));
        (MaskedKey memory key, SharedPoint memory point) = (_masked(deal), _shown(deal));
        uint256 before = deal.terms.buyer.balance;
        vm.prank(deal.terms.buyer);
        try MARKET.claimWrongChunk(deal.listing, deal.terms, key, point, proof) {
            _judged(deal, wrong, before, "claimWrongChunk");
        } catch {}
    }

    function dispute(uint256 seed) external drawing(seed) {
        Deal storage deal = _some();
        vm.prank(deal.terms.buyer);
        try MARKET.dispute(deal.terms) {
            ++done["dispute"];
        } catch {}
    }

    function rule(uint256 seed) external drawing(seed) {
        if (_COURT.caseCount() == 0) return;
        CaseId id = CaseId.wrap(1 + _draw(_COURT.caseCount()));
        if (_COURT.rulingOf(id).isFinal) return;
        _COURT.rule(id, uint16(_draw(3)), 0, _draw(3) * _draw(100 ether));
        ++done["rule"];
    }

    function resolve(uint256 seed) external drawing(seed) {
        Deal storage deal = _some();
        vm.prank(_anyone());
        try MARKET.resolve(deal.terms) {
            _close(deal, "resolve");
        } catch {}
    }

    function rate(uint256 seed) external drawing(seed) {
        Deal storage deal = _some();
        vm.prank(deal.terms.buyer);
        try MARKET.rate(deal.terms, _draw(12)) {
            ++done["rate"];
            if (!deal.closed) _report("rated before it was paid");
        } catch {}
    }

    function collect(uint256 seed) external drawing(seed) {
        address account = _anyone();
        address token = _tokens[_draw(_TOKENS)];
        vm.prank(account);
        try MARKET.collect(token, account) returns (uint256 amount) {
            collected[token] += amount;
            ++done["collect"];
        } catch {}
    }

    function unbond(uint256 seed) external drawing(seed) {
        vm.prank(_accounts[_draw(_SELLERS)]);
        try _REGISTRY.unbond(_draw(3 * SELLER_PENALTY)) {
            ++done["unbond"];
        } catch {}
        vm.prank(_accounts[_draw(_SELLERS)]);
        try _REGISTRY.withdraw() {} catch {}
    }

    function bond(uint256 seed) external drawing(seed) {
        _REGISTRY.addBond(ParticipantId.wrap(uint32(1 + _draw(_SELLERS))), SELLER_PENALTY);
        ++done["bond"];
    }

    function block_(uint256 seed) external drawing(seed) {
        _BLOCKING.setBlocked(_anyone(), _draw(2) == 0);
    }

    function passTime(uint256 seed) external drawing(seed) {
        vm.warp(block.timestamp + _draw(_PERIOD));
    }

    /// @notice A listing of the first seller's, which nobody buys.
    function publish(uint256 number) external {
        address seller = _accounts[0];
        Sealed memory goods = Sealed(bytes32(number), 0, 0, 0, 0x55, 1);
        vm.prank(seller);
        MARKET.publish(ListingTerms(seller, address(0), goods, 0), 1);
    }

    // ------------------------------------------------------------------ what must hold

    /// @notice What the market holds of a token, less what it owes or still has in purchases; zero is right.
    function surplus(uint256 index) external view returns (int256) {
        address token = _tokens[index];
        uint256 held = token == address(0) ? address(MARKET).balance : IERC20(token).balanceOf(address(MARKET));
        uint256 owed;
        for (uint256 i; i < _ACTORS; ++i) {
            owed += MARKET.owedTo(token, _accounts[i]);
        }
        return int256(held) - int256(owed) - int256(open[token]);
    }

    /// @notice MK-I4: from wherever it stands, each purchase ends without a party, once its time is over.
    function endAll() external {
        vm.warp(block.timestamp + 4 * _PERIOD);
        for (uint256 id = 1; id <= _COURT.caseCount(); ++id) {
            if (!_COURT.rulingOf(CaseId.wrap(id)).isFinal) _COURT.rule(CaseId.wrap(id), 0, 0, 1 ether);
        }
        for (uint256 i; i < _deals.length; ++i) {
            Deal storage deal = _deals[i];
            PurchasePhase phase = MARKET.purchaseOf(deal.id).phase;
            if (phase == PurchasePhase.Bought) MARKET.refund(deal.terms);
            else if (phase == PurchasePhase.Delivered) MARKET.finalise(deal.terms);
            else if (phase == PurchasePhase.Disputed) MARKET.resolve(deal.terms);
            else continue;
            _close(deal, "end");
        }
    }

    // ------------------------------------------------------------------ internals

    function _enroll(uint256 index) private {
        address account = vm.addr(0xB0B + index);
        _accounts.push(account);
        vm.deal(account, 1_000_000 ether);
        _TOKEN.transfer(account, 1_000_000 ether);
        _BLOCKING.mint(account, 1_000_000 ether);
        _TOKEN.approve(address(_REGISTRY), type(uint256).max);
        (ProvenKeys memory keys, Profile memory profile) = (_keysOf(account, _secret(index)), _profile());
        vm.prank(account);
        ParticipantId id = _REGISTRY.register(profile, keys, 0);
        if (index < _SELLERS) _REGISTRY.addBond(id, 10 * SELLER_PENALTY);
        for (uint256 i = 1; i < _TOKENS; ++i) {
            vm.prank(account);
            IERC20(_tokens[i]).approve(address(MARKET), type(uint256).max);
        }
    }

    function _profile() private pure returns (Profile memory) {
        return Profile(uint32(ROLE_CLIENT), 0, "");
    }

    function _secret(uint256 index) private pure returns (uint256) {
        return 1_000 + index;
    }

    function _keysOf(address account, uint256 secret) private view returns (ProvenKeys memory keys) {
        keys.signing = BLS12381.multiply(BLS12381.generator(), secret + 500);
        keys.decryption = BLS12381.multiply(BLS12381.generator(), secret);
        bytes32 hash = ParticipantRules.hashOf(BLS12381.compress(keys.signing), BLS12381.compress(keys.decryption));
        bytes32 digest = _digestFor(address(_REGISTRY), KeyPossession(account, 1, hash).hash());
        G2Point memory hashed = BLS12381.hashToG2(abi.encodePacked(digest), bytes(BLS_POSSESSION_TAG));
        keys.signingProof = BLS12381.multiply(hashed, secret + 500);
        keys.decryptionProof = BLS12381.multiply(hashed, secret);
    }

    function _digestFor(address contract_, bytes32 message) private view returns (bytes32) {
        bytes32 type_ = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        (bytes32 name, bytes32 version) = (keccak256(bytes(DOMAIN_NAME)), keccak256(bytes(DOMAIN_VERSION)));
        bytes32 domain = keccak256(abi.encode(type_, name, version, block.chainid, contract_));
        return MessageHashUtils.toTypedDataHash(domain, message);
    }

    /// @dev Content of one chunk; one in three is not what is promised.
    function _write(Deal storage deal, address seller, address token) private {
        bytes32 key = keccak256(abi.encode(_seed, "key", _deals.length));
        bytes memory text = abi.encodePacked(key, keccak256(abi.encode(_seed)), uint64(1));
        bytes32 digest = sha256(text);
        ChaCha20.applyTo(text, 32, key, 0, 0);
        bytes memory chunk = new bytes(40);
        for (uint256 i; i < 40; ++i) {
            chunk[i] = text[32 + i];
        }
        if (_draw(3) == 0) chunk[7] ^= 0x01;
        (deal.key, deal.chunk, deal.digest) = (key, chunk, digest);
        deal.listing = ListingTerms({
            seller: seller,
            token: token,
            goods: Sealed({
                keyHash: keccak256(abi.encodePacked(key)),
                plaintextRoot: MerkleTree.leafHash(abi.encodePacked(digest)),
                ciphertextRoot: MerkleTree.leafHash(abi.encodePacked(sha256(chunk))),
                content: digest,
                codec: 0x55,
                size: 40
            }),
            description: 0
        });
    }

    function _buy(Deal storage deal, ListingId listing, uint256 buyer, uint256 price) private {
        CompressedG1 memory key = BLS12381.compress(BLS12381.multiply(BLS12381.generator(), _secret(buyer)));
        (address account, address token) = (_accounts[buyer], deal.listing.token);
        deal.terms = PurchaseTerms({
            listing: listing,
            seller: deal.listing.seller,
            buyer: account,
            token: token,
            price: price,
            receiver: Sealing.receiverOf(key),
            salt: uint64(_seed)
        });
        vm.prank(account);
        try MARKET.buy{value: token == address(0) ? price : 0}(listing, price, uint64(_seed)) returns (PurchaseId id) {
            deal.id = id;
            (open[token], bought[token]) = (open[token] + price, bought[token] + price);
            ++done["trade"];
        } catch {
            _deals.pop();
        }
    }

    function _masked(Deal storage deal) private view returns (MaskedKey memory) {
        uint256 secret = _secretOf(deal.terms.buyer);
        G1Point memory ephemeral = BLS12381.multiply(BLS12381.generator(), _EPHEMERAL);
        CompressedG1 memory shared = BLS12381.compress(BLS12381.multiply(ephemeral, secret));
        bytes32 context = MARKET.contextOf(deal.id);
        bytes32 mask = keccak256(abi.encodePacked(SEAL_MASK_TAG, context, shared.head, shared.tail));
        return MaskedKey(ephemeral, deal.handed ^ mask);
    }

    function _shown(Deal storage deal) private view returns (SharedPoint memory point) {
        uint256 secret = _secretOf(deal.terms.buyer);
        G1Point memory base = BLS12381.multiply(BLS12381.generator(), _EPHEMERAL);
        point.key = BLS12381.multiply(BLS12381.generator(), secret);
        point.shared = BLS12381.multiply(base, secret);
        G1Point memory first = BLS12381.multiply(BLS12381.generator(), _NONCE);
        bytes memory statement = abi.encode(point.key, base, point.shared, first, BLS12381.multiply(base, _NONCE));
        bytes32 hash = keccak256(abi.encodePacked(SEAL_PROOF_TAG, MARKET.contextOf(deal.id), statement));
        uint256 challenge = uint256(hash) % BLS12381.ORDER;
        uint256 product = mulmod(challenge, secret, BLS12381.ORDER);
        point.proof = EqualityProof(challenge, addmod(_NONCE, product, BLS12381.ORDER));
    }

    function _secretOf(address account) private view returns (uint256) {
        for (uint256 i; i < _ACTORS; ++i) {
            if (_accounts[i] == account) return _secret(i);
        }
        return 1;
    }

    /// @dev A claim's verdict is the truth; what was right comes back in the native coin at once, or is owed.
    function _judged(Deal storage deal, bool wrong, uint256 before, string memory action) private {
        PurchasePhase phase = MARKET.purchaseOf(deal.id).phase;
        if ((phase == PurchasePhase.Refunded) != wrong) _report("a verdict that is not the truth");
        if (wrong && deal.terms.token == address(0)) {
            if (deal.terms.buyer.balance != before + deal.terms.price) _report("not given back");
            collected[address(0)] += deal.terms.price;
        }
        _close(deal, action);
    }

    function _close(Deal storage deal, string memory action) private {
        if (deal.closed) _report("closed twice");
        deal.closed = true;
        open[deal.terms.token] -= deal.terms.price;
        ++done[action];
    }

    function _report(string memory what) private {
        if (bytes(violation).length == 0) violation = what;
    }

    /// @dev Mostly of the last few, so that purchases get on.
    function _some() private returns (Deal storage) {
        if (_deals.length == 0) _deals.push();
        uint256 recent = _deals.length < 4 ? _deals.length : 4;
        return _deals[_deals.length - 1 - _draw(recent)];
    }

    function _anyone() private returns (address) {
        return _accounts[_draw(_ACTORS)];
    }

    function _draw(uint256 below) private returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return _seed % below;
    }
}
