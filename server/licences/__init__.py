"""Licences: which classes of goods a retailer may buy, and until when.

Owns: licences. Invariants: validity is a span of days in the distributor's zone; one licence per retailer,
class and number; one that is not valid has a reason. The gate stands at ordering and again at allocation.
A shop is told once for each last day and step that a licence runs out. Events: ``LicencesChanged``,
``LicencesEnding``.
"""
