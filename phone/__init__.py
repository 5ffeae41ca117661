"""A SIP phone without a sound card, scripted over JSON lines.

A separate program (``python -m phone``) with its own dependency, pjsua2, which is under the GPL: the rest of the
system talks to this process through pipes and never imports it. ``hotline.phone`` is the client.
"""
