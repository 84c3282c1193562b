"""Variables that the engine's libraries read at import. Imports none of them."""


def environment(*, device: str, cpu_kv_cache_gib: int, offline: bool) -> dict[str, str]:
    """Return the variables that the libraries read at import, for the engine's process."""
    variables = {
        # One process holds the engine, so that its death is the death of the actor.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_NO_USAGE_STATS": "1",
        "TOKENIZERS_PARALLELISM": "true",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    if device == "cpu":
        variables |= {
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "VLLM_CPU_KVCACHE_SPACE": str(cpu_kv_cache_gib),
            # vLLM compiles one small sampling kernel at the first request, with a C++ compiler
            # that may not be there: 14 s on two cores, for a result that is the same without.
            "TORCH_COMPILE_DISABLE": "1",
        }
    if offline:
        variables |= {"HF_HUB_OFFLINE": "1"}
    return variables
