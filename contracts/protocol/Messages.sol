// SPDX-License-Identifier: MIT
// Generated from protocol.toml by `make generate`; do not edit.
pragma solidity 0.8.30;

string constant DOMAIN_NAME = "Handfast";
string constant DOMAIN_VERSION = "1";

/// @notice What a key is masked for: a purchase, for its buyer.
struct PurchaseKey {
    bytes32 purchase;
}

/// @notice What a key is masked for: a worker's delivery of a data task, for its requester.
struct DeliveryKey {
    uint256 task;
    address worker;
}

/// @notice What a key is masked for: a case of the court, for one of its voters.
struct PanelKey {
    uint256 caseId;
    address voter;
}

/// @notice A participant knows the secrets of both its BLS keys: `keys` is the hash of the two compressed
/// public keys, `epoch` counts its pairs of keys from 1. Signed with both secrets under
/// BLS_POSSESSION_TAG, not with the account's key.
struct KeyPossession {
    address account;
    uint64 epoch;
    bytes32 keys;
}

/// @notice The counterparty agrees to be opened a channel with, and to what it deposits itself.
struct Opening {
    bytes32 channel;
    uint128 clientDeposit;
    uint128 providerDeposit;
    uint64 deadline;
}

/// @notice What two parties agree on. `transferred` is what has moved from client to provider since the
/// opening, net, so that a top-up never invalidates a state; amounts in locks are covered by their
/// payer's balance and not yet in it.
struct State {
    bytes32 channel;
    uint64 version;
    int128 transferred;
    uint128 lockedByClient;
    uint128 lockedByProvider;
    bytes32 locksRoot;
    bytes32 productsRoot;
}

/// @notice Both parties close at once on these terms, with no lock pending, before the deadline.
struct CooperativeClose {
    bytes32 channel;
    int128 transferred;
    bytes32 productsRoot;
    uint64 deadline;
}

/// @notice Both parties let `account` take out until `total` has left the channel for it in all.
struct Withdrawal {
    bytes32 channel;
    address account;
    uint128 total;
    uint64 deadline;
}

/// @notice The party that a lock would pay gives it up: the lock may be refunded at once.
struct Cancellation {
    bytes32 channel;
    bytes32 lock;
}

/// @notice The provider confirms a settled round, in the same message as its signature of the settled state.
struct Receipt {
    bytes32 channel;
    uint64 round;
    bytes32 product;
    uint128 fee;
    uint64 nonce;
}

/// @notice The speaker answers the listener's nonce: on this connection, it is itself.
struct Session {
    address speaker;
    address listener;
    bytes32 nonce;
}

/// @notice The client's verdict on the round of a receipt (its EIP-712 digest).
struct Opinion {
    bytes32 receipt;
    bool satisfied;
}

/// @notice A client asks for a generation over a channel: `details` is the hash of the details it sends along.
struct Request {
    bytes32 channel;
    bytes32 details;
    uint128 maxFee;
    uint64 deadline;
}

/// @notice The provider agrees to serve a request (its hash) for a fee: step 1 to the details, step 2 to the
/// prompt. [prosecutor Algorithm 2]
struct Acknowledgement {
    bytes32 channel;
    bytes32 request;
    uint8 step;
    uint128 fee;
    uint64 deadline;
}

/// @notice What the provider made for a request: the product, and under key release the root block of its
/// ciphertext and the hash of its key (both zero otherwise). Evidence, if the key opens to other bytes.
struct Announcement {
    bytes32 request;
    bytes32 product;
    bytes32 ciphertext;
    bytes32 keyHash;
}

/// @notice A voter's ballot of a round of a case: the choice as a number, or keccak256 of the eight words of
/// its scores. Committed as its digest.
struct Vote {
    uint256 caseId;
    uint32 round;
    address voter;
    bytes32 ballot;
    bytes32 salt;
}

/// @notice A worker's model for a task, as the digest of its content's root block. Committed as its digest,
/// revealed after the deadline.
struct Submission {
    uint256 task;
    address worker;
    bytes32 model;
    bytes32 salt;
}

/// @notice The seller sells a product at this price, to the buyer or, if that is zero, to anyone, until the
/// deadline, once.
struct ProductOffer {
    address seller;
    address buyer;
    bytes32 product;
    address token;
    uint128 price;
    bytes32 salt;
    uint64 deadline;
}

/// @notice The seller locks a product against the price, until the deadline, once: who knows the preimage of
/// `hash` by the expiry moves both, afterwards both return.
struct LockedOffer {
    address seller;
    address buyer;
    bytes32 product;
    address token;
    uint128 price;
    bytes32 hash;
    uint64 expiry;
    bytes32 salt;
    uint64 deadline;
}

/// @title Messages
/// @notice The EIP-712 struct hash of every signed message.
/// @dev All fields take one word, so the ABI encoding of a struct is its EIP-712 encoding.
library Messages {
    bytes32 internal constant PURCHASE_KEY_TYPEHASH = keccak256("PurchaseKey(bytes32 purchase)");
    bytes32 internal constant DELIVERY_KEY_TYPEHASH = keccak256("DeliveryKey(uint256 task,address worker)");
    bytes32 internal constant PANEL_KEY_TYPEHASH = keccak256("PanelKey(uint256 caseId,address voter)");
    bytes32 internal constant KEY_POSSESSION_TYPEHASH =
        keccak256("KeyPossession(address account,uint64 epoch,bytes32 keys)");
    bytes32 internal constant OPENING_TYPEHASH =
        keccak256("Opening(bytes32 channel,uint128 clientDeposit,uint128 providerDeposit,uint64 deadline)");
    bytes32 internal constant STATE_TYPEHASH = keccak256(
        "State(bytes32 channel,uint64 version,int128 transferred,uint128 lockedByClient,uint128 lockedByProvider,bytes32 locksRoot,bytes32 productsRoot)"
    );
    bytes32 internal constant COOPERATIVE_CLOSE_TYPEHASH =
        keccak256("CooperativeClose(bytes32 channel,int128 transferred,bytes32 productsRoot,uint64 deadline)");
    bytes32 internal constant WITHDRAWAL_TYPEHASH =
        keccak256("Withdrawal(bytes32 channel,address account,uint128 total,uint64 deadline)");
    bytes32 internal constant CANCELLATION_TYPEHASH = keccak256("Cancellation(bytes32 channel,bytes32 lock)");
    bytes32 internal constant RECEIPT_TYPEHASH =
        keccak256("Receipt(bytes32 channel,uint64 round,bytes32 product,uint128 fee,uint64 nonce)");
    bytes32 internal constant SESSION_TYPEHASH = keccak256("Session(address speaker,address listener,bytes32 nonce)");
    bytes32 internal constant OPINION_TYPEHASH = keccak256("Opinion(bytes32 receipt,bool satisfied)");
    bytes32 internal constant REQUEST_TYPEHASH =
        keccak256("Request(bytes32 channel,bytes32 details,uint128 maxFee,uint64 deadline)");
    bytes32 internal constant ACKNOWLEDGEMENT_TYPEHASH =
        keccak256("Acknowledgement(bytes32 channel,bytes32 request,uint8 step,uint128 fee,uint64 deadline)");
    bytes32 internal constant ANNOUNCEMENT_TYPEHASH =
        keccak256("Announcement(bytes32 request,bytes32 product,bytes32 ciphertext,bytes32 keyHash)");
    bytes32 internal constant VOTE_TYPEHASH =
        keccak256("Vote(uint256 caseId,uint32 round,address voter,bytes32 ballot,bytes32 salt)");
    bytes32 internal constant SUBMISSION_TYPEHASH =
        keccak256("Submission(uint256 task,address worker,bytes32 model,bytes32 salt)");
    bytes32 internal constant PRODUCT_OFFER_TYPEHASH = keccak256(
        "ProductOffer(address seller,address buyer,bytes32 product,address token,uint128 price,bytes32 salt,uint64 deadline)"
    );
    bytes32 internal constant LOCKED_OFFER_TYPEHASH = keccak256(
        "LockedOffer(address seller,address buyer,bytes32 product,address token,uint128 price,bytes32 hash,uint64 expiry,bytes32 salt,uint64 deadline)"
    );

    function hash(PurchaseKey memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(PURCHASE_KEY_TYPEHASH, message));
    }

    function hash(DeliveryKey memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(DELIVERY_KEY_TYPEHASH, message));
    }

    function hash(PanelKey memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(PANEL_KEY_TYPEHASH, message));
    }

    function hash(KeyPossession memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(KEY_POSSESSION_TYPEHASH, message));
    }

    function hash(Opening memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(OPENING_TYPEHASH, message));
    }

    function hash(State memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(STATE_TYPEHASH, message));
    }

    function hash(CooperativeClose memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(COOPERATIVE_CLOSE_TYPEHASH, message));
    }

    function hash(Withdrawal memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(WITHDRAWAL_TYPEHASH, message));
    }

    function hash(Cancellation memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(CANCELLATION_TYPEHASH, message));
    }

    function hash(Receipt memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(RECEIPT_TYPEHASH, message));
    }

    function hash(Session memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(SESSION_TYPEHASH, message));
    }

    function hash(Opinion memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(OPINION_TYPEHASH, message));
    }

    function hash(Request memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(REQUEST_TYPEHASH, message));
    }

    function hash(Acknowledgement memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(ACKNOWLEDGEMENT_TYPEHASH, message));
    }

    function hash(Announcement memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(ANNOUNCEMENT_TYPEHASH, message));
    }

    function hash(Vote memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(VOTE_TYPEHASH, message));
    }

    function hash(Submission memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(SUBMISSION_TYPEHASH, message));
    }

    function hash(ProductOffer memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(PRODUCT_OFFER_TYPEHASH, message));
    }

    function hash(LockedOffer memory message) internal pure returns (bytes32) {
        return keccak256(abi.encode(LOCKED_OFFER_TYPEHASH, message));
    }
}
