"""What terminals are set to and asked to do: desired and reported state, commands with one answer.

Owns: shadows, commands. Invariants: versions of a desired state only grow; an older report changes nothing; a command
ends with one last word: the terminal's own, or, once its time is over, that it did not answer. Events: none.
Stands just above devices: everything later (rollouts, health) may ask a terminal for something.
"""
