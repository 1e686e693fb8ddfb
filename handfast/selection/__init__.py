"""Whom to buy from: providers in order of their scores."""
