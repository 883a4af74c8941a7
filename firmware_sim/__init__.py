"""Simulated terminals and fleets that drive the real terminal code and the real wire.

:mod:`firmware_sim.stage` is a running installation to play on, :mod:`firmware_sim.town` the people of the play,
:mod:`firmware_sim.fleet` wire-level devices in one process, :mod:`firmware_sim.scenarios` the named plays;
:mod:`firmware_sim.flash` is storage as a power cut leaves it.
"""
