"""Terminals: enrolment by one-use code, identity bound to one retailer, presence, revocation.

Owns: devices, enrolment codes, presence. Invariants: a code lives 15 minutes and works once; a device
belongs to one retailer for ever; a revoked device is refused everywhere. Events: none; the broker is told
by a notification on the same commit.
"""
