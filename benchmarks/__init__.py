"""Measurements of the pipeline, run by hand: `make bench-pipeline`. No test times anything.

`pipeline` is the program. `material` makes what is measured, `plain` runs `lm_eval` by itself,
`evaluation` runs ours, `memory` watches a process tree, `report` writes what came out.
"""
