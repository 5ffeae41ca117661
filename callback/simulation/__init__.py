"""A campaign in virtual time: the real pacing, hours, limits, retry and follow against a network and callers that are
drawn by chance. Pure: a seed in, figures out.

``world`` (what is assumed) → ``draws`` (chance) → ``engine`` (events one by one) → ``figures`` (what it came to).
"""
