"""Signs of diversion: what stands out in the order book of a closed cycle, with its evidence, for a person to look at.

Owns looks at cycles, findings, the shops that they are about, and what people said of them. Invariants: a cycle is
looked at once; a finding's evidence never changes; each state is said in words, by somebody. It announces no event, and
nothing that allocates, scores, limits or grants reads from here: a finding changes nothing by itself.
"""
