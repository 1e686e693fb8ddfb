"""Cryptography that several domains need, identical to its Solidity twins."""
