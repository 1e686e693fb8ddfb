.DEFAULT_GOAL := help
SHELL := bash

.PHONY: help setup lock
help: ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | column -t -s '|'

setup: ## make .venv, node_modules and .tools from the lock files
	@scripts/toolchain/setup.sh

lock: setup ## resolve pyproject.toml and package.json into the lock files
	@scripts/lock.sh
