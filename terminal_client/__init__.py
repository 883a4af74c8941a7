"""The terminal: a till that keeps every order, and says only what is true.

``core`` holds rules, store and synchronisation without screen or broker; ``adapters`` reach the network
and the clock; ``ui`` serves the screens on loopback and calls ``core`` only; :mod:`terminal_client.app`
puts one terminal together. Knows the server through :mod:`contract` alone.
"""
