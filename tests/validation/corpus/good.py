"""Good repositories: architectures, tokenizers, licences and weight types that must pass."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.validation.corpus.case import Case
from tests.validation.corpus.material import (
    CARD,
    SIZES,
    TEMPLATE,
    edit_json,
    write_good,
    write_model,
)

WORDS = "which drug is the first choice the patient took dose of aspirin heparin none these".split()


def licensed(folder: Path, licence: str) -> None:
    """Give a model's card another licence."""
    text = CARD.replace("license: apache-2.0", licence)
    (folder / "README.md").write_text(text, encoding="utf-8")


def made(
    model_type: str, licence: str = "license: apache-2.0", **config: Any
) -> Callable[..., Any]:
    """Return a builder of a tiny model of an architecture."""

    def build(folder: Path) -> None:
        write_model(folder, model_type, **config)
        licensed(folder, licence)

    return build


def adapter(folder: Path) -> dict[str, Any]:
    """Write a LoRA adapter as peft saves it, beside its base model."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = folder.parent / "base"
    write_good(base)
    model = AutoModelForCausalLM.from_pretrained(base)
    lora = LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM")
    get_peft_model(model, lora).save_pretrained(str(folder))
    edit_json(folder / "adapter_config.json", base_model_name_or_path="org/base")
    licensed(folder, "base_model: org/base")
    return {"weight_type": "Adapter", "base_model": "org/base"}


def delta(folder: Path) -> dict[str, Any]:
    """Write a difference to a base model, without a tokenizer of its own."""
    write_good(folder.parent / "base")
    write_good(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).unlink()
    return {"weight_type": "Delta", "base_model": "org/base"}


def merge(folder: Path) -> dict[str, Any]:
    """Write a merge that is marked as one."""
    write_good(folder)
    licensed(folder, "license: mit\ntags: [merge]\nbase_model: [org/a, org/b]")
    return {"model_type": "merge"}


def chat_in_config(folder: Path) -> dict[str, Any]:
    """Write a model whose chat templates are in the tokenizer's config, by name."""
    write_good(folder)
    (folder / "chat_template.jinja").unlink()
    templates = [{"name": name, "template": TEMPLATE} for name in ("default", "tool_use")]
    edit_json(folder / "tokenizer_config.json", chat_template=templates)
    return {"use_chat_template": True}


def chat_in_files(folder: Path) -> dict[str, Any]:
    """Write a model with a second chat template in the folder for those."""
    write_good(folder)
    more = folder / "additional_chat_templates"
    more.mkdir()
    (more / "short.jinja").write_text(TEMPLATE, encoding="utf-8")
    return {"use_chat_template": True}


def vocabulary_and_merges(folder: Path) -> None:
    """Write GPT-2 with the two files that its tokenizer had before `tokenizer.json`."""
    write_model(folder, "gpt2", vocab_size=300)
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(tokenizer["vocab"]), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    edit_json(folder / "tokenizer_config.json", tokenizer_class="GPT2Tokenizer")
    licensed(folder, "license: mit")


def sentence_pieces(folder: Path) -> None:
    """Write a Llama with a sentencepiece model alone."""
    import sentencepiece

    write_model(folder, "llama", vocab_size=300)
    (folder / "tokenizer.json").unlink()
    text = folder.parent / "text.txt"
    text.write_text("\n".join(WORDS * 40), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.Train(
        input=str(text),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=SIZES["vocab_size"] + 20,
        model_type="bpe",
        byte_fallback=True,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / "tokenizer.vocab").unlink()
    text.unlink()
    edit_json(folder / "tokenizer_config.json", tokenizer_class="LlamaTokenizer", unk_token="<unk>")


def word_pieces(folder: Path) -> None:
    """Write a model whose tokenizer knows lower-case words and single characters."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    write_model(folder, "opt", word_embed_proj_dim=32, ffn_dim=32)
    characters = "abcdefghijklmnopqrstuvwxyz0123456789.,;:?!()[]{}/*#=+-'°µα"
    pieces = [*characters, *(f"##{c}" for c in characters)]
    vocabulary = {
        piece: n for n, piece in enumerate(["[UNK]", "</s>", *dict.fromkeys(pieces + WORDS)])
    }
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    (folder / "chat_template.jinja").unlink()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", eos_token="</s>"
    ).save_pretrained(folder)
    licensed(folder, "license: [cc-by-nc-4.0, cc-by-4.0]")


def special_token_beyond(folder: Path) -> None:
    """Write a model whose tokenizer has a special token too many, which no prompt contains."""
    write_good(folder)
    edit_json(folder / "tokenizer_config.json", pad_token="<pad>")


def mistral_layout_beside(folder: Path) -> None:
    """Write a model with a copy in Mistral's own layout, which vLLM would prefer."""
    write_good(folder)
    shutil.copy(folder / "model.safetensors", folder / "consolidated.safetensors")
    (folder / "params.json").write_text('{"dim": 4096, "n_layers": 32}', encoding="utf-8")


def code_beside(folder: Path) -> None:
    """Write a model with code for older libraries beside it, which is not needed."""
    write_good(folder)
    (folder / "modeling_own.py").write_text("raise SystemExit('never run')\n", encoding="utf-8")
    edit_json(folder / "config.json", auto_map={"AutoModelForCausalLM": "modeling_own.Own"})


def linked(folder: Path) -> None:
    """Write a model one of whose files is a link to another of its files."""
    write_good(folder)
    shutil.move(folder / "README.md", folder / "CARD.md")
    (folder / "README.md").symlink_to("CARD.md")


OWN_LICENCE = "license: other\nlicense_name: own\nlicense_link: https://example.org/licence"
CASES = (
    Case("good adapter", "", adapter),
    Case("good bloom", "", made("bloom", "license: bigscience-bloom-rail-1.0")),
    Case("good chat templates by name", "", chat_in_config),
    Case("good chat templates in files", "", chat_in_files),
    Case("good code beside a known architecture", "", code_beside),
    Case("good delta", "", delta),
    Case("good falcon", "", made("falcon", num_kv_heads=1)),
    Case("good gemma", "", made("gemma", "license: gemma", head_dim=32)),
    Case("good gpt2 with merges.txt", "", vocabulary_and_merges),
    Case("good gpt_neox", "", made("gpt_neox", "license: Apache-2.0")),
    Case("good link inside", "", linked),
    Case("good llama", "", write_good),
    Case("good llama with sentencepiece", "", sentence_pieces),
    Case("good mamba", "", made("mamba", "license: MIT", state_size=4)),
    Case("good merge", "", merge),
    Case("good mistral", "", made("mistral", "license: llama3.1", sliding_window=64)),
    Case("good mixtral in shards", "", made("mixtral", num_local_experts=4, shard_size="30KB")),
    Case("good mistral layout beside", "", mistral_layout_beside),
    Case("good opt with word pieces", "", word_pieces),
    Case("good padding beyond the embedding", "", special_token_beyond),
    Case("good phi", "", made("phi", "license: mit")),
    Case(
        "good qwen2 with tied weights",
        "",
        made("qwen2", OWN_LICENCE, tie_word_embeddings=True, vocab_size=300),
    ),
    Case("good qwen3_moe", "", made("qwen3_moe", num_experts=4, moe_intermediate_size=16)),
)
