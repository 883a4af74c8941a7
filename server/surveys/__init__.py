"""Questions to the shops, and what they answer.

Owns: surveys, who was asked, answers. Invariants: a published survey's questions never change; a retailer that
was asked answers once, by the server's clock before the close; every stored answer fits its question.
Events: none.
"""
