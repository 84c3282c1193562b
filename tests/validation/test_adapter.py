import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalboard.records.report import Report
from evalboard.validation.adapter import check as check_config

from .conftest import codes, edit_json
from .stored import QUANTISED_PARTS, write_tensors

LORA = {"weight_type": "Adapter", "base_model": "org/base"}


def test_an_adapter_passes_with_what_its_base_has(
    adapter: Path, base: Path, check: Callable[..., Report]
) -> None:
    report = check(**LORA)
    assert report.findings == ()
    expected = {
        "params_billion": round((23_776 + 256) / 1e9, 9),
        "stored_dtype": "bfloat16",
        "dtypes": {"bfloat16": 23776},
        "base_model": "org/base",
        "base_revision": report.facts["base_revision"],
        "adapter_rank": 4,
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": 258,
        "max_length": 128,
        "license": "apache-2.0",
        "precision": "bfloat16",
        "has_chat_template": True,
    }
    assert {key: report.facts[key] for key in expected} == expected


def test_a_base_whose_config_does_not_load(
    adapter: Path, base: Path, check: Callable[..., Report]
) -> None:
    edit_json(base / "config.json", model_type="of_my_own")
    assert codes(check(**LORA)) == {"unknown_model_type"}


@pytest.mark.usefixtures("without_transformers", "base")
class TestWithoutLoading:
    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"peft_type": "LOHA"}, "adapter_type_unsupported"),
            ({"peft_type": None}, "adapter_type_unsupported"),
            ({"peft_type": ["LORA"]}, "adapter_type_unsupported"),
            ({"task_type": "SEQ_CLS"}, "adapter_type_unsupported"),
            ({"megatron_config": {"a": 1}}, "adapter_type_unsupported"),
            ({"layer_replication": [[0, 1]]}, "adapter_type_unsupported"),
            ({"r": 0}, "bad_adapter_config"),
            ({"r": "4"}, "bad_adapter_config"),
            ({"r": True}, "bad_adapter_config"),
            ({"r": 10**9}, "bad_adapter_config"),
            ({"target_modules": None}, "bad_adapter_config"),
            ({"target_modules": []}, "bad_adapter_config"),
            ({"target_modules": [1]}, "bad_adapter_config"),
            ({"base_model_name_or_path": "org/another"}, "other_base_model"),
        ],
    )
    def test_what_its_config_says(
        self, change: dict[str, Any], code: str, adapter: Path, check: Callable[..., Report]
    ) -> None:
        edit_json(adapter / "adapter_config.json", **change)
        report = check((check_config,), **LORA)
        assert codes(report) == {code}
        assert report.ok == (code == "other_base_model")

    @pytest.mark.parametrize("change", [{"target_modules": "all-linear"}, {"task_type": None}])
    def test_what_is_fine(
        self, change: dict[str, Any], adapter: Path, check: Callable[..., Report]
    ) -> None:
        edit_json(adapter / "adapter_config.json", **change)
        assert codes(check((check_config,), **LORA)) == set()

    def test_a_config_that_cannot_be_read(
        self, adapter: Path, check: Callable[..., Report]
    ) -> None:
        (adapter / "adapter_config.json").write_text("[" * 100_000, encoding="utf-8")
        assert codes(check((check_config,), **LORA)) == {"bad_adapter_config"}

    def test_a_pickled_adapter_is_refused(
        self, adapter: Path, check: Callable[..., Report]
    ) -> None:
        (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
        report = check(**LORA)
        assert codes(report) == {"no_safetensors"}
        assert "pickle can run arbitrary code" in report.summary()

    def test_a_tokenizer_of_its_own_comes_whole(
        self, adapter: Path, base: Path, check: Callable[..., Report]
    ) -> None:
        asked = {**LORA, "use_chat_template": True}
        assert codes(check(**asked)) == set()
        (adapter / "tokenizer.json").write_bytes((base / "tokenizer.json").read_bytes())
        assert codes(check(**asked)) == {"no_chat_template", "no_tokenizer_config"}
        (adapter / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
        assert codes(check(**asked)) == {"no_tokenizer_config"}

    @pytest.mark.parametrize(
        ("quantised", "method", "expected"),
        [
            (
                {"quant_method": "bitsandbytes", "load_in_4bit": True},
                "bitsandbytes_4bit",
                set(),
            ),
            ({"quant_method": "gptq"}, "gptq", {"precision_unsupported"}),
        ],
    )
    def test_a_quantised_base(
        self,
        quantised: dict[str, Any],
        method: str,
        expected: set[str],
        adapter: Path,
        base: Path,
        check: Callable[..., Report],
    ) -> None:
        edit_json(base / "config.json", quantization_config=quantised)
        write_tensors(base / "model.safetensors", QUANTISED_PARTS[method])
        report = check(**LORA)
        assert codes(report) == expected
        assert report.facts["precision"] == ("prequantised" if expected else "4bit")

    def test_a_config_in_its_repository_is_not_that_of_the_model(
        self, adapter: Path, base: Path, check: Callable[..., Report]
    ) -> None:
        (adapter / "config.json").write_text(json.dumps({"auto_map": {}}), encoding="utf-8")
        assert codes(check(**LORA)) == set()
