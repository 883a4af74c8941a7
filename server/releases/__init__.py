"""Releases of the terminal's software, as a repository of The Update Framework (TUF) in the data folder.

Owns: the folder ``updates`` (metadata, archives, drafts, the online key). Invariants: what is published was first read
by the client's own code; numbers of roles only grow; root and targets are signed by people's keys, which never lie
here; timestamp and snapshot are renewed by the worker before they expire. Events: none.
"""
