"""Answers on their way back 通知: an outbox, and the outlets that carry a notice to where the request came from."""
