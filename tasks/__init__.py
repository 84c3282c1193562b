"""Prefect tasks: each is a decorator and one call into the core. No logic."""
