"""The terminal without screen and broker: store, use cases, synchronisation, and what screens may say.

Invariants: a thing and its outbox row are written in one transaction or not at all; nothing queued is
deleted unseen; *received* comes from the server's receipt alone. Time and randomness are handed in, so
that a simulator owns both.
"""
