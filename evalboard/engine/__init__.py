"""Everything that knows lm_eval, vLLM, transformers and Ray. Nothing else imports them.

`catalog` answers questions about the installed libraries, `tasks` loads benchmarks, `backends`
loads models, `scoring` asks one benchmark's questions, `process` is the actor that holds one model,
`placement` puts it on a machine and talks to it.
"""
