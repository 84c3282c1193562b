"""Everything that knows lm_eval, vLLM, transformers and Ray. Nothing else imports them.

Four rooms:

- `placing`: where an engine runs, how much it takes, and how it is talked to;
- `benchmarks`: what is asked, and what the answers are worth;
- `loading`: what a model is loaded from, and what loading fails for;
- `inspection`: hostile repositories, loaded in confined processes for the checks.

Beside them, `process` holds one model as its `spec` says, in the `environment` that the libraries
read. The backends' model classes are `vllm_model` (with `vllm_choices`, `vllm_feeding` and
`vllm_last_layer`) and `hf_model`; both answer as `streaming` says. `provenance` collects what is
stored with a score, `hardware` asks what the machine has.
"""
