"""Everything that knows lm_eval, vLLM, transformers and Ray. Nothing else imports them.

`catalog` answers questions about the installed libraries, `tasks` loads benchmarks, `backends`
loads models, `scoring` asks one benchmark's questions, `process` holds one model, `actor` gives it
a log. `placement` starts that and talks to it: through Ray (`ray_engine`), or as a child of this
process (`child_engine`) where there is nothing to choose. `sizing` and `ladder` say how much it
takes, `allotment` what of that the cluster has.
"""
