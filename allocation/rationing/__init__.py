"""A made-up market under rationing: what the core's grants do to sales, and what demand can be told from them."""
