"""The records in the stores, as frozen pydantic models. No I/O here.

`request` is a submission and its history, `report` the findings of the checks, `result` the scores
of an evaluation, `board_files` the content of the board store, and `choice` which model is meant.
"""
