"""Whole devices on simulated hardware against the real server services, in one thread and in virtual time.

:mod:`.kernel` owns time, chance and the event log; :mod:`.storage`, :mod:`.machine` and :mod:`.radio` are a device;
:mod:`.broker` is the broker; :mod:`.ground` and :mod:`.backend` are the database and the server on it;
:mod:`.language` says what a scenario is, :mod:`.scenarios` are the named ones; :mod:`.playing` plays one with a seed
and :mod:`.judging` looks at what must hold. ``docs/simulator.md`` tells how it works.
"""
