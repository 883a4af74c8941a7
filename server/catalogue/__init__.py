"""What can be ordered: SKUs with their packs, prices, classes and smallest orders.

Owns: SKUs. Invariants: a pack holds at least one unit; prices are whole minor units per unit; a SKU's code never
changes; a SKU is withdrawn, never deleted. Events: ``CatalogueChanged``.
"""
