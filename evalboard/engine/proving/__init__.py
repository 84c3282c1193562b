"""Proof that engines on this machine compute what plain transformers computes.

`models` makes one-layer models and what plain transformers says of them, and `proof` compares.
"""
