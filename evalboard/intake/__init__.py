"""A submission's way until a run claims it.

`submission` contains the submitter's fields, their checks and the way into the queue.
`request_files` checks files that others wrote into the queue. `house_rules` limits who may submit
which models and how often. `polling` refuses, checks and starts requests.
"""
