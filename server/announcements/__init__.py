"""What the distributor tells the shops, and whom it reached.

Owns: announcements, their versions, recipients, receipts: displayed, acknowledged. Invariants: a published version
never changes, a correction is a new version that says so; a recipient's first receipt of each sort for a version is
kept, later ones change nothing; what was acknowledged counts as displayed, in whatever order they come. Events: none.
"""
