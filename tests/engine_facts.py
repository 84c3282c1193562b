"""The facts that stand-in engines give about themselves."""

from evalboard.records.outcome import EngineFacts

FACTS = EngineFacts(
    run_key="run",
    backend="hf",
    backend_version="0",
    lm_eval_version="0",
    transformers_version="0",
    torch_version="0",
    architecture="LlamaForCausalLM",
    chat_template_sha=None,
    settings={},
    machine={},
    load_seconds=0.0,
)
