"""Access to the chain: calls, transactions that survive, and events that never repeat."""
