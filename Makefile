.DEFAULT_GOAL := help
SHELL := bash
BIN := .venv/bin
PURE := $(BIN)/pytest -q -p no:pytest-brownie

.PHONY: help setup demo demo-market demo-tasks devnet test test-core test-contracts test-forge test-services wheel-check \
	lint fmt types generate train model-report kubo gas bench fuzz lock clean distclean
help: ## list these targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

setup: ## make .venv, node_modules and .tools from the lock files; instant when they are current
	@scripts/toolchain/setup.sh

demo: setup ## run the market of four clients and four providers on a local chain, and check it
	$(BIN)/handfast demo

demo-market: setup ## trade finished goods on a local chain, some of it by cheats, and check it
	$(BIN)/handfast demo market

demo-tasks: setup ## have a model crowdsourced and judged by voters, some of whom fail, and check it
	$(BIN)/handfast demo tasks

devnet: setup ## keep the same market running, to try things by hand
	$(BIN)/handfast devnet

test: setup ## run every test
	@$(MAKE) --no-print-directory test-core test-contracts test-forge test-services

test-core: setup ## pure tests, no chain
	$(PURE) tests/core

test-contracts: setup ## contracts on a local chain, parity with Python, stateful models
	$(BIN)/pytest -q $(wildcard tests/contracts tests/parity tests/stateful)

test-forge: setup ## fuzz and invariant tests in Solidity, short
	@[ ! -d tests/forge ] || .tools/bin/forge test

test-services: setup ## processes against a real chain
	@[ ! -d tests/services ] || $(PURE) tests/services

wheel-check: setup ## build the wheel, install it into an empty environment, try it (needs a registry)
	$(BIN)/python scripts/check_wheel.py

lint: setup ## ruff, layout of Python and Solidity, Slither against slither.toml
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	.tools/bin/forge fmt --check contracts interfaces $(wildcard tests/forge)
	$(BIN)/python scripts/check_slither.py

fmt: setup ## lay out Python and Solidity
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	.tools/bin/forge fmt contracts interfaces $(wildcard tests/forge)

types: setup ## mypy --strict
	$(BIN)/mypy

generate: setup ## write what is derived: the twins of protocol.toml, the shipped ABIs
	$(BIN)/python scripts/generate.py
	$(BIN)/python scripts/build_abis.py

train: setup ## train the models that ship (20 minutes on two cores)
	$(BIN)/python -m training

model-report: setup ## measure the models that ship: training/figures.json, docs/digits.png
	$(BIN)/python -m training.report

kubo: ## build the Kubo that storage is compared with, into .tools (needs Go 1.26)
	@scripts/build_kubo.sh

gas: generate ## sizes of all contracts and gas of their actions: benchmarks/sizes.txt, *_gas.json
	@for file in $(wildcard benchmarks/*_gas.py); do \
		$(BIN)/python -m benchmarks.$$(basename $$file .py) --write || exit 1; done

bench: setup ## measure every figure, or those of ONLY="name...", and write benchmarks/RESULTS.md
	$(BIN)/python scripts/bench.py $(ONLY)

fuzz: setup ## the long campaigns: a million calls of every invariant, many examples
	FOUNDRY_PROFILE=fuzz .tools/bin/forge test
	HANDFAST_TIMES=100 $(BIN)/pytest -q $(wildcard tests/stateful)

lock: setup ## resolve pyproject.toml and package.json into the lock files
	@scripts/lock.sh

clean: ## remove what builds and tests left, keep the environment
	rm -rf build out cache reports dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -not -path './node_modules/*' -prune -exec rm -rf {} +

distclean: clean ## remove the environment too
	rm -rf .venv node_modules .tools
