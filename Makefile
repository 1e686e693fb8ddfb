.DEFAULT_GOAL := help
SHELL := bash

BIN := .venv/bin
PURE := $(BIN)/pytest -q -p no:pytest-brownie

.PHONY: help setup test test-core test-contracts test-forge test-services generate kubo lock
help: ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | column -t -s '|'

setup: ## make .venv, node_modules and .tools from the lock files
	@scripts/toolchain/setup.sh

test: setup ## run every test
	@$(MAKE) --no-print-directory test-core test-contracts test-forge test-services

test-core: setup ## pure tests, no chain
	$(PURE) tests/core

test-contracts: setup ## contracts on a local chain, parity with Python, stateful models
	$(BIN)/pytest -q $(wildcard tests/contracts tests/parity tests/stateful)

test-forge: setup ## fuzz and invariant tests in Solidity
	@[ ! -d tests/forge ] || .tools/bin/forge test

test-services: setup ## processes against a real chain
	@[ ! -d tests/services ] || $(PURE) tests/services

generate: setup ## write what is derived: the twins of protocol.toml, the shipped ABIs
	$(BIN)/python scripts/generate.py
	$(BIN)/python scripts/build_abis.py

kubo: ## build the Kubo that storage is compared with, into .tools (needs Go 1.26)
	@scripts/build_kubo.sh

lock: setup ## resolve pyproject.toml and package.json into the lock files
	@scripts/lock.sh
