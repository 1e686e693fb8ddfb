"""The protocol's constants, enums and signed messages, as protocol.toml declares them."""
