"""From result documents to the board's table, and from requests to the queue file.

`scores` reads one benchmark's score from a document, `rows` merges documents into one row per
model, `flags` marks scores that should not be compared silently, `comparability` says which were
measured alike, `standings` ranks the rows, `statistics` contains the formulas, `table` builds the data
frame and its files, `queue` the queue file, and `exports` writes the board in other formats. All functions
are pure: their only output is bytes.
"""
