// SPDX-License-Identifier: MIT
// Generated from protocol.toml by `make generate`; do not edit.
pragma solidity 0.8.30;

/// @notice How a product came into the registry: by its creator, or by the client of the channel in which it
/// was bought.
enum ProductOrigin {
    Absent,
    Registered,
    Claimed
}

/// @notice Life of a channel: Open from the opening, Closing while a registered state may be replaced, Closed
/// for ever.
enum ChannelPhase {
    Absent,
    Open,
    Closing,
    Closed
}

/// @notice Whom a lock pays.
enum Direction {
    Absent,
    ToProvider,
    ToClient
}

/// @notice What became of a lock that was pending when its channel closed.
enum LockOutcome {
    Absent,
    Paid,
    Refunded
}

/// @notice Who chose the preimage of a round's lock: the client, by its random number, or the provider, as the
/// content's key.
enum LockMode {
    Absent,
    ClientNumber,
    KeyRelease
}

/// @notice What a roll-up batch carries: opinions of one epoch, or the scores at its end.
enum BatchKind {
    Absent,
    Opinions,
    Scores
}

/// @notice Where the data of a roll-up batch is.
enum BatchSource {
    Absent,
    Calldata,
    Blob
}

/// @notice Life of a roll-up batch.
enum BatchPhase {
    Absent,
    Posted,
    Final,
    Fallen
}

/// @notice What a panel votes on: one of several options, or a vector of scores.
enum CaseKind {
    Absent,
    Choice,
    Scores
}

/// @notice Life of a case; Draw to Appeal once for each round.
enum CasePeriod {
    Absent,
    Evidence,
    Draw,
    Commit,
    Reveal,
    Appeal,
    Ruled
}

/// @notice How well a model does on validation data, out of SCALE: share of rows it labels right; mean over the
/// labels of F1; R squared, or zero where that is negative.
enum Metric {
    Absent,
    Accuracy,
    MacroF1,
    Determination
}

/// @notice How a model task ended: nothing revealed; no validation data; no scores; by the scores.
enum ModelOutcome {
    Absent,
    Empty,
    Unpublished,
    Unjudged,
    Ranked
}

/// @notice What stands of a delivery: nobody spoke; proven honest by a false claim; marked dishonest; before
/// the court; won there; lost there; proven to have a wrong key or chunk.
enum DeliveryState {
    Absent,
    Delivered,
    Honest,
    Dishonest,
    Disputed,
    Vindicated,
    Condemned,
    Void
}

/// @notice Life of a listing of the market.
enum ListingPhase {
    Absent,
    Listed,
    Withdrawn
}

/// @notice Life of a purchase: Paid to the seller or Refunded to the buyer, once; Rated is Paid and rated.
enum PurchasePhase {
    Absent,
    Bought,
    Delivered,
    Disputed,
    Paid,
    Refunded,
    Rated
}

/// @notice Life of a hash-locked sale of a product.
enum SalePhase {
    Absent,
    Locked,
    Sold,
    Returned
}

