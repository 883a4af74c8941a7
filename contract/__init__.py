"""The wire between terminals and the server: topics, envelopes, message families, receipts, error codes.

Owns every name and shape that crosses the network, and the texts of the stable codes. Knows no
transport, no database and no screen. Readers ignore unknown fields; changes are additive, otherwise
a new version stands in the topic. JSON Schemas are exported by :mod:`contract.schemas`.
"""
