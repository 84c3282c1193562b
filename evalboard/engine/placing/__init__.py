"""Where an engine runs, how much of the machines it takes, and what the end of its process means.

`placement` starts engines and talks to them: through Ray (`cluster`, `ray_engine`, `actor`), or as a child of
this process (`child_engine`, `child_program`) where there is nothing to choose. `calling` is the
protocol of both. `capacity` says what the machines have, `sizing` what a model takes, `allotment`
what an engine gets of it, and `ladder` what to try after it ran out of memory.
"""
