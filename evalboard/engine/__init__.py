"""Everything that knows lm_eval, vLLM, transformers and Ray. Nothing else imports them.

`catalog` answers questions about the installed libraries, `tasks` loads benchmarks, `backends`
loads models, `scoring` asks one benchmark's questions, `process` holds one model, `actor` makes it a
Ray actor, `placement` puts that on a machine and talks to it. `sizing` and `ladder` say how much it
takes, `allotment` what of that the cluster has.
"""
