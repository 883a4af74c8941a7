"""What the screens show, derived from the store alone and the same for every language.

A view never says more than the store knows: *received* stands where a receipt stands, and a countdown
that rests on a clock which lost its time says so.
"""
