"""What the package knows of the contracts: ABI and deployment bytecode, from `make generate`."""
