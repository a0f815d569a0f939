"""How fast the answer is: against a constant one, for many records, on both databases."""
