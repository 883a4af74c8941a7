"""Programs of others: the tokens that they call the interface with, and what they are told by webhooks.

Owns: tokens, webhooks, their deliveries. Invariants: a token is kept by its digest alone and stands in for no second
person; an event is delivered at least once, or parked where a person sees it. Events: none.
"""
