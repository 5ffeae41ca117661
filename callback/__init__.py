"""Outbound calls 回访: who is rung, when, how fast, and what they answered.

``campaign`` → ``plan`` (who) → ``claim`` (an attempt is written down before anybody is rung) → ``pacing`` (how many
now) → ``survey`` (what Asterisk's log says they answered) → ``follow`` (what that means for the target and its ticket).
"""
