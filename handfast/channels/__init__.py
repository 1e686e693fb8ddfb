"""Channels: fee against ownership, atomically."""
