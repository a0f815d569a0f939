"""Postroom: who may see whose mail on a customer's record."""
