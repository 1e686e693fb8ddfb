"""The client's process and Python API: chooses, buys, judges, rates."""
