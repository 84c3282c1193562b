"""The only part that uses lm_eval, vLLM, transformers and Ray.

Five rooms:

- `placing`: the location and the resources of an engine, and the communication with it;
- `benchmarks`: the questions and the scores of the answers;
- `loading`: the files of a model, and the causes of failed loading;
- `inspection`: hostile repositories, loaded in confined processes for the checks;
- `proving`: small models that show whether this machine computes what transformers computes.

In addition, `process` contains one model according to its `spec`, in the `environment` of the
libraries. The backends' model classes are `vllm_model` (with the other modules named `vllm_`) and
`hf_model`; both implement `streaming`, with tokenizers as `tokenising` leaves them. `provenance`
collects the data that is stored with a score, `fitness` judges the machine, `examining` decides with it
whether the machine takes requests, and `hardware` reads the machine's resources.
"""
