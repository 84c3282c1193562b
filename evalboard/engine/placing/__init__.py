"""Where an engine runs, how much of the machines it takes, and what the end of its process means.

`placement` starts engines and gives typed handles to them: through Ray (`cluster`, `ray_engine`), or
as a child of this process (`child_engine`, `child_program`) where there is nothing to choose.
`calling` is the protocol of both, `actor` what runs in the process. `capacity` says what the machines have, `sizing` what a model takes, `allotment`
what an engine gets of it, and `ladder` what to try after it ran out of memory.
"""
