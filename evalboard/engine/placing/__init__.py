"""The location and the resources of an engine, and the meaning of its process's end.

`placement` starts engines and gives typed handles to them: through Ray (`cluster`, `ray_engine`),
or as a child of this process (`child_engine`, `child_program`) where there is nothing to choose.
`calling` is the protocol of both, and `holder` does for an engine what needs trust. `nodes` looks for the machine
of a cluster where an engine takes its GPUs, after `preparing` has made it ready, and `answering` waits for Ray's
answers. `capacity` reads the machines' resources, `sizing` computes a model's needs, `allotment` gives an engine its resources, and
`ladder` chooses other settings after it ran out of memory.
"""
