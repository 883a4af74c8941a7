"""Baskets: SKUs that are shared together, the claimants being retailers with their whole order.

A claimant is a retailer with its lines in one basket. Its total is what it is granted there in units, its level the
total by its weight. Totals are the weighted lexicographic max-min of the levels: the smallest level is as large as
possible, then the next, under all constraints. What is granted line by line is the mixture nearest to an even one.
"""
