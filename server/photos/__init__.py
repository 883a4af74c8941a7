"""Photos that shops send with a claim, a complaint or an appeal.

Owns: photos by shop and SHA-256, and with what they were sent. Invariants: only what a shop's own message names is
taken, whole it is what its name says and a JPEG, PNG or WebP of a size that is taken; a photo that was deleted stays
known as deleted. Nothing is decoded. Events: none.
"""
