"""Suites: which benchmarks a board has. A suite is a YAML file, never code.

`model` says what a suite is, `loader` finds and reads one, `files/` holds the shipped ones and
`tasks/` the lm_eval task definitions that only this project has.
"""
