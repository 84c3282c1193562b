"""Suites: which benchmarks a board has. A suite is a YAML file, never code.

`model` defines a suite, `loader` finds and reads one, `files/` contains the shipped suites, and
`tasks/` the lm_eval task definitions that only this project has.
"""
