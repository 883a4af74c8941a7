"""Whether a device of another make keeps the contract, judged by what it sends and by what becomes of it.

The device speaks with a real server and a real broker of the kit's own, over a line that the kit cuts and mutes
(:mod:`firmware_sim.line`). Nothing of the device's inside is looked at; what it shows is asked of whoever drives it.
"""
