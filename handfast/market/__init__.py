"""Finished models and data for funds: sealed content, listings, purchases, claims. (SPEC SL, MK)"""
