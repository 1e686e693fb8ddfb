// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ChunkProof, MaskedKey, Sealed, SharedPoint} from "../../interfaces/ISealing.sol";
import {Sealing} from "../market/Sealing.sol";

/// @title DeliveryProofs
/// @notice What the receiver of sealed content can prove of it, as a contract of its own: DataTasks would be too large
/// to deploy with it inside, and asks it hardly ever. (SPEC DT-4, SL-6 to SL-8)
/// @dev Holds nothing and belongs to nobody. A proof that does not verify reverts; a verdict is answered.
contract DeliveryProofs {
    /// @notice Verdict: whether the key that was handed over is not the promised one.
    function isWrongKey(
        bytes32 context,
        bytes32 receiver,
        Sealed calldata sealed_,
        MaskedKey calldata masked,
        SharedPoint calldata point
    ) external view returns (bool) {
        return Sealing.isWrongKey(sealed_, Sealing.unmask(context, receiver, masked, point));
    }

    /// @notice Verdict: whether a chunk is not the promised one, or the key is not.
    function isWrongChunk(
        bytes32 context,
        bytes32 receiver,
        Sealed calldata sealed_,
        MaskedKey calldata masked,
        SharedPoint calldata point,
        ChunkProof calldata chunk
    ) external view returns (bool) {
        bytes32 key = Sealing.unmask(context, receiver, masked, point);
        return Sealing.isWrongKey(sealed_, key) || Sealing.isWrongChunk(sealed_, key, chunk);
    }
}
