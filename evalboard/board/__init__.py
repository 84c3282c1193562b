"""From result documents to the board's table, and from requests to the queue file.

`scores` reads one benchmark's score out of one document, `rows` merges documents into one row per
model, `flags` marks what should not be compared silently, `statistics` holds the formulas, `table`
makes the frame and its files, `queue` the queue file. Pure functions: bytes are the only output.
"""
