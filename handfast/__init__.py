"""Handfast: a market protocol for AI work between strangers on any EVM chain."""
