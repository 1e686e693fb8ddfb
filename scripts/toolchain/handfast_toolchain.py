"""Lets every tool of this environment find the checkout's compiler and chain.

Copied beside a one-line `.pth` file into the virtual environment, so that it runs when Python
starts: Brownie reads SOLCX_BINARY_PATH while it is imported, earlier than any configuration file.
Everything is found from the environment's own place, wherever the checkout lies.
"""

import os
import sys

_TOOLS = os.path.join(os.path.dirname(os.path.abspath(sys.prefix)), ".tools")


def _enter() -> None:
    path = os.environ.get("PATH", "").split(os.pathsep)
    wanted = os.path.join(_TOOLS, "bin")
    if wanted not in path:
        os.environ["PATH"] = os.pathsep.join([wanted, *path])
    os.environ.setdefault("SOLCX_BINARY_PATH", _TOOLS)


_enter()
