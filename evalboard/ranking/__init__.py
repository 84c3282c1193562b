"""Which ranks are real: all pairs of a board's rows, compared over the same questions.

`entries` are the rows, `comparing` has the statistics of a pair, for all pairs at once, `limits` says which
differences are significant, and `ranges` turns them into rank ranges.
`keeping` makes a file of them for the next build, `published` one for the viewer, and `simulation` shows
how often a range is wrong. All functions are pure. The method and its sources are in
`docs/design/ranking.md`.
"""
