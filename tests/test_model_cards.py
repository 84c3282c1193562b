from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from huggingface_hub import HfApi, close_session, constants, parse_eval_result_entries
from huggingface_hub.repocard_data import model_index_to_eval_results

from evalboard.board.measured import Measured, find_measured
from evalboard.errors import StoreError
from evalboard.model_cards import FORMATS, merged, open_pull_request
from evalboard.records.result import ResultDocument
from evalboard.suites.model import Benchmark, Suite
from tests.hub.server import SmallHub, running_hub

SUITE = Suite(
    name="small",
    title="Small board",
    benchmarks=(
        Benchmark(key="anatomy", title="Anatomy", task="mmlu_anatomy"),
        Benchmark(key="doses", title="Doses", metric="exact_match,strict-match", num_fewshot=5),
    ),
)
LINK = "https://huggingface.co/spaces/org/board"
TASKS = {"mmlu_anatomy": "acc,none", "doses": "exact_match,strict-match"}
CARD = """---
license: mit
model-index:
- name: theirs
  results:
  - task: {type: text-generation}
    dataset: {name: Anatomy (0-shot), type: cais/mmlu, config: anatomy, split: test}
    metrics: [{type: acc, value: 99.0}]
    source: {url: https://other.example, name: Another board}
---
# A model
"""


@pytest.fixture
def measured() -> Measured:
    content: dict[str, Any] = {
        "config": {
            "model_name": "org/model",
            "model_sha": "a" * 40,
            "model_dtype": "float16",
            "backend": "vllm",
            "backend_version": "0.32.0",
            "lm_eval_version": "0.4.13",
        },
        "results": {
            "mmlu_anatomy": {"acc,none": 0.512345678, "acc_stderr,none": 0.01},
            "doses": {"exact_match,strict-match": 0.25},
        },
        "versions": dict.fromkeys(TASKS, 1),
        "n-shot": {"mmlu_anatomy": 0, "doses": 5},
        "n-samples": dict.fromkeys(TASKS, {"original": 100, "effective": 100}),
        "task_hashes": dict.fromkeys(TASKS, "hash"),
        "configs": {
            "mmlu_anatomy": {
                "dataset_path": "cais/mmlu",
                "dataset_name": "anatomy",
                "test_split": "test",
            }
        },
        "evalboard": {
            "suite": "small",
            "run_key": "key",
            "benchmark_keys": {},
            "dataset_fingerprints": {},
            "finished_time": "2026-12-01T10:00:00Z",
        },
    }
    return find_measured("org/model", [ResultDocument.model_validate(content)], SUITE)


def test_a_model_index_comes_back_with_every_value(measured: Measured) -> None:
    content = yaml.safe_load(FORMATS["model-index"](measured, SUITE, LINK))
    name, (anatomy, doses) = model_index_to_eval_results(content["model-index"])
    assert name == "model"
    assert (anatomy.dataset_type, anatomy.dataset_config) == ("cais/mmlu", "anatomy")
    assert (anatomy.metric_type, anatomy.metric_value) == ("acc", 51.2346)
    assert (anatomy.source_name, anatomy.source_url) == ("Small board", LINK)
    assert (doses.metric_name, doses.metric_value) == ("exact_match,strict-match", 25.0)
    assert doses.dataset_args == {"num_few_shot": 5}


def test_a_file_of_eval_results_comes_back_with_every_value(measured: Measured) -> None:
    content = FORMATS["eval-results"](measured, SUITE, "")
    anatomy, doses = parse_eval_result_entries(yaml.safe_load(content))
    assert (anatomy.dataset_id, anatomy.task_id) == ("cais/mmlu", "mmlu_anatomy")
    assert (anatomy.value, anatomy.date) == (51.2346, "2026-12-01T10:00:00Z")
    assert anatomy.notes
    assert "standard error 1," in anatomy.notes
    assert "commit aaaaaaaa in float16" in anatomy.notes
    assert anatomy.source_url is None
    assert (doses.dataset_id, doses.value) == ("doses", 25.0)


def test_new_results_replace_only_those_of_the_same_source() -> None:
    theirs, old, new = (
        {"dataset": {"type": "a"}, "source": {"url": url}, "metrics": value}
        for url, value in (("x", 1), ("y", 2), ("y", 3))
    )
    own = [{"name": "m", "results": [theirs, old]}, {"name": "second", "results": []}]
    found = merged(own, [{"name": "n", "results": [new]}])
    assert found == [{"name": "m", "results": [theirs, new]}, own[1]]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with running_hub() as server:
        yield server
        close_session()


@pytest.fixture
def api(hub: SmallHub) -> HfApi:
    return HfApi(endpoint=hub.address, token="secret")


def request(form: str, measured: Measured, api: HfApi) -> str:
    return open_pull_request(form, measured, SUITE, LINK, api=api)


def test_a_pull_request_keeps_the_card_and_the_results_of_others(
    measured: Measured, hub: SmallHub, api: HfApi
) -> None:
    repo = hub.create("org/model", kind="models")
    repo.commit({"README.md": CARD.encode()})
    assert request("model-index", measured, api).endswith("org/model/discussions/1")
    assert repo.files()["README.md"] == CARD.encode()
    (asked,) = repo.pull_requests
    card = asked["README.md"].decode()
    metadata = yaml.safe_load(card.split("---")[1])
    assert card.endswith("# A model\n")
    assert metadata["license"] == "mit"
    theirs, *ours = metadata["model-index"][0]["results"]
    assert theirs["metrics"][0]["value"] == 99.0
    assert [one["metrics"][0]["value"] for one in ours] == [51.2346, 25.0]


@pytest.mark.parametrize("index", ["text", "[{results: []}]", "[{name: m, results: [1]}]"])
def test_a_card_that_would_lose_something_is_left_alone(
    index: str, measured: Measured, hub: SmallHub, api: HfApi
) -> None:
    repo = hub.create("org/model", kind="models")
    repo.commit({"README.md": f"---\nmodel-index: {index}\n---\n".encode()})
    with pytest.raises(StoreError, match="cannot be added to the model card of 'org/model'"):
        request("model-index", measured, api)
    assert repo.pull_requests == []


@pytest.mark.parametrize("form", list(FORMATS))
def test_a_model_without_a_card_gets_a_pull_request(
    form: str, measured: Measured, hub: SmallHub, api: HfApi
) -> None:
    repo = hub.create("org/model", kind="models")
    request(form, measured, api)
    (asked,) = repo.pull_requests
    (path,) = asked
    assert path == {"model-index": "README.md", "eval-results": ".eval_results/small.yaml"}[form]
    assert b"51.2346" in asked[path]


def test_a_model_that_is_gone_is_an_error_that_says_so(measured: Measured, api: HfApi) -> None:
    with pytest.raises(StoreError, match="pull request on 'org/model' cannot be opened"):
        request("eval-results", measured, api)
