"""A device of the published contract that is a page: a tablet or phone with nothing but a browser.

Owns: the page, its files and words, and what lets it open without a network. Everything it asks for stands in
``docs/contract.md`` and is answered by the capabilities that answer every other device; nothing here knows a shop.
Why, and what such a device cannot do: ADR 0063.
"""
