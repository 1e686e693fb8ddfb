"""Handfast: a market protocol for AI work between strangers on any EVM chain."""

__version__ = "0.1.0"
