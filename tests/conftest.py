"""Prepares Hypothesis, and the chain when Brownie takes part.

Pure tests run with `-p no:pytest-brownie`: then nothing is compiled and no chain is started.
"""

from __future__ import annotations

import os

import hypothesis
import pytest

# Before a test imports numpy: see handfast/inference/__init__.py.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

hypothesis.settings.register_profile("pure", deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    if config.pluginmanager.hasplugin("pytest-brownie"):
        config.pluginmanager.import_plugin("tests.chain")
    else:
        hypothesis.settings.load_profile("pure")
