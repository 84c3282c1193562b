"""Prefect flows: what happens in which order. No logic."""
