"""Prefect tasks: a decorator and one call into the core each. No logic."""
