// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title StakeTree
/// @notice Weights by position, and whose weight a point falls into, in O(log n). (SPEC OC-2)
/// @dev A tree of sums with eight children a node, whose eight sums of 32 bits share one word: 10,000 weights make five
/// levels, so finding one reads five words. Level 0 has the weights themselves. It grows at the top when it is full.
library StakeTree {
    struct Tree {
        uint256 count;
        mapping(uint256 node => uint256) nodes;
    }

    /// @notice Largest sum of all weights.
    uint256 internal constant MAX_TOTAL = type(uint32).max;

    uint256 private constant _LANE_BITS = 32;
    uint256 private constant _LANE = type(uint32).max;
    uint256 private constant _FAN_BITS = 3;
    uint256 private constant _LAST = 7;
    uint256 private constant _LEVEL_BITS = 64;

    /// @notice All weights together have to stay below 2^32.
    error TotalTooLarge(uint256 total, uint256 maximum);

    /// @notice Add a position without weight.
    function append(Tree storage tree) internal returns (uint256 position) {
        position = tree.count++;
        uint256 height = _heightOf(position);
        // A full tree becomes the first child of a new root.
        if (position != 0 && position == 1 << (_FAN_BITS * height)) {
            tree.nodes[_node(height, 0)] = _sum(tree.nodes[_node(height - 1, 0)]);
        }
    }

    /// @notice Change the weight at a position.
    function set(Tree storage tree, uint256 position, uint256 weight) internal {
        uint256 old = weightAt(tree, position);
        if (old == weight) return;
        uint256 total_ = total(tree) - old + weight;
        require(total_ <= MAX_TOTAL, TotalTooLarge(total_, MAX_TOTAL));
        uint256 height = _heightOf(tree.count);
        for (uint256 level; level < height; ++level) {
            uint256 shift = _LANE_BITS * (position & _LAST);
            position >>= _FAN_BITS;
            // Lanes neither borrow nor carry: each holds a sum of weights, and all of them fit.
            unchecked {
                tree.nodes[_node(level, position)] += (weight << shift) - (old << shift);
            }
        }
    }

    /// @notice The position into whose weight a point below the total falls, and that weight.
    function find(Tree storage tree, uint256 point) internal view returns (uint256 position, uint256 weight) {
        uint256 level = _heightOf(tree.count);
        unchecked {
            while (level-- != 0) {
                uint256 sums = tree.nodes[_node(level, position)];
                position <<= _FAN_BITS;
                weight = sums & _LANE;
                while (point >= weight) {
                    point -= weight;
                    sums >>= _LANE_BITS;
                    weight = sums & _LANE;
                    ++position;
                }
            }
        }
    }

    function weightAt(Tree storage tree, uint256 position) internal view returns (uint256) {
        return (tree.nodes[_node(0, position >> _FAN_BITS)] >> (_LANE_BITS * (position & _LAST))) & _LANE;
    }

    function total(Tree storage tree) internal view returns (uint256) {
        return _sum(tree.nodes[_node(_heightOf(tree.count) - 1, 0)]);
    }

    /// @dev Levels of a tree of so many positions, at least one.
    function _heightOf(uint256 count) private pure returns (uint256 height) {
        height = 1;
        while (count > 1 << (_FAN_BITS * height)) {
            ++height;
        }
    }

    function _node(uint256 level, uint256 index) private pure returns (uint256) {
        return (level << _LEVEL_BITS) | index;
    }

    function _sum(uint256 sums) private pure returns (uint256 total_) {
        for (; sums != 0; sums >>= _LANE_BITS) {
            total_ += sums & _LANE;
        }
    }
}
