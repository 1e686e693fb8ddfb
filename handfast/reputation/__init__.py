"""Opinions, their roll-up and the scores that come of it. (SPEC RP)"""
