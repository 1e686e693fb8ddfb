"""A whole market on one machine: `handfast devnet` keeps it running, `handfast demo` plays it."""
