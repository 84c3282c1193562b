"""From result documents to the board's table, and from requests to the queue file.

`scores` reads one benchmark's score from a document, `rows` merges documents into one row per
model, `flags` marks scores that should not be compared silently, `statistics` contains the
formulas, `table` builds the data frame and its files, and `queue` the queue file. All functions are
pure: their only output is bytes.
"""
