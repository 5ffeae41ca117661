"""What callers meet when the line is busy, late, or not their first call: places kept in line, announcements, barred
callers, switches, and who was missed. Above ``calls``, ``routing`` and ``tickets``, unknown to them."""
