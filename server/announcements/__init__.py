"""What the distributor tells the shops, and whom it reached.

Owns: announcements, their versions, recipients, first reads. Invariants: a published version never changes, a
correction is a new version that says so; a recipient's first read of a version is kept, later ones change
nothing. Events: none.
"""
