"""What the stores hold, as frozen pydantic models. No I/O here.

`request` what was submitted and what became of it, `report` what the checks found, `result` what an
evaluation gave, `table` what the viewer reads.
"""
