"""Disputes: what a voter of the court evaluates, and how it votes."""
