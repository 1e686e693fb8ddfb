"""The coordinator: takes opinions, rolls them up, and proves the scores that come of them."""
