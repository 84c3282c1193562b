"""Rows of a choice as vLLM's model runners return them.

The runner for GPUs needs Triton, so here its bookkeeping runs without it: two kernels are replaced
by the same sums in torch, and what a model would compute by numbers drawn at random.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

pytestmark = pytest.mark.filterwarnings("default")  # what vLLM's imports warn of

WORDS = 50
PROMPT = [1, *torch.randint(2, WORDS, (35,), generator=torch.manual_seed(0)).tolist()]
CHOICE = tuple(PROMPT[33:])
LOGITS = torch.randn(len(PROMPT), WORDS, generator=torch.manual_seed(1))
"""Row p is of the token after position p."""
TRUTH = torch.log_softmax(LOGITS, -1)


def next_tokens(
    count: int, _starts: object, _index: object, computed: torch.Tensor, tokens: torch.Tensor
) -> torch.Tensor:
    """Return the tokens that the computed rows are of."""
    start = int(computed[0]) + 1
    return tokens[0, start : start + count].long()


def best_scores(logits: torch.Tensor, count: int, asked: torch.Tensor, **_options: object) -> Any:
    """Return the log-probabilities of the asked and of the best tokens."""
    from vllm.v1.outputs import LogprobsTensors

    scores = torch.log_softmax(logits, -1)
    ids = torch.cat([asked[:, None], scores.topk(count).indices], 1)
    of_asked = scores.gather(-1, asked[:, None])
    return LogprobsTensors(ids, scores.gather(-1, ids), (scores > of_asked).sum(-1) + 1)


@pytest.mark.parametrize("cached", [0, 16, 32])
def test_rows_are_read_when_the_runner_for_gpus_leaves_cached_ones_out(
    cached: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vllm import SamplingParams
    from vllm.v1.engine.logprobs import LogprobsProcessor
    from vllm.v1.worker.gpu.sample import prompt_logprob

    from evalboard.engine.vllm_rows import prompt_rows

    params = SamplingParams(temperature=0, max_tokens=1, prompt_logprobs=1, flat_logprobs=True)
    monkeypatch.setattr(prompt_logprob, "get_prompt_logprobs_token_ids", next_tokens)
    monkeypatch.setattr(prompt_logprob, "compute_topk_scores", best_scores)
    worker = prompt_logprob.PromptLogprobsWorker(1, torch.device("cpu"))
    worker.add_request("request", 0, params)
    computed = len(PROMPT) - cached
    batch = SimpleNamespace(
        idx_mapping_np=np.array([0]),
        idx_mapping=torch.tensor([0]),
        num_computed_prefill_tokens_np=np.array([cached]),
        prefill_len_np=np.array([len(PROMPT)]),
        num_tokens=computed,
        query_start_loc=torch.tensor([0, computed]),
        query_start_loc_np=np.array([0, computed]),
        num_scheduled_tokens=np.array([computed]),
        req_ids=["request"],
    )
    returned = worker.compute_prompt_logprobs(
        lambda rows: rows,
        LOGITS[cached:],
        batch,  # pyright: ignore[reportArgumentType]
        torch.tensor([[*PROMPT, 0]]),
        torch.tensor([cached]),
        np.array([len(PROMPT)]),
    )
    request = SimpleNamespace(sampling_params=params, external_req_id="request")
    processor = LogprobsProcessor.from_new_request(
        None,
        request,  # pyright: ignore[reportArgumentType]
    )
    processor._update_prompt_logprobs(returned["request"])  # pyright: ignore[reportPrivateUsage]
    found = processor.pop_prompt_logprobs()
    assert found is not None
    assert len(found) == len(PROMPT) - cached

    truth = [float(TRUTH[p - 1, PROMPT[p]]) for p in range(33, 36)]
    greedy = [int(TRUTH[p - 1].argmax()) == PROMPT[p] for p in range(33, 36)]
    rows = prompt_rows(CHOICE, found)

    assert rows is not None
    assert [logprob for logprob, _ in rows] == pytest.approx(truth, abs=1e-6)
    assert [is_greedy for _, is_greedy in rows] == greedy
    # A request that had to start again has the rows from there on only.
    assert prompt_rows(CHOICE, found[len(found) - 2 :]) is None
