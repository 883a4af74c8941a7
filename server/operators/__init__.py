"""People at the distributor: who they are, their roles, their sessions.

Owns: operators, operator sessions, one-use sign-in links. Invariants: passwords exist only as Argon2id
hashes; a session lives on the server and ends by time or by hand; no account has a default password.
Events: none.
"""
