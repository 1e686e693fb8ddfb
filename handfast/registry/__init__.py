"""Who is who: participants, their keys and what they say about themselves."""
