"""What checking a large model costs: calls and bytes, counted by a small Hub."""

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import close_session

from evalboard.settings import Settings
from evalboard.validation.checks import validate
from evalboard.validation.headers import TYPE_BITS
from evalboard.validation.subject import Subject
from tests.hub.repository import Entry, HubRepo, blob_of
from tests.hub.server import SmallHub, running_hub

from .conftest import codes
from .corpus.material import write_good
from .stored import header_of

GIB = 2**30
SHARDS = 30
TOKENIZER_BYTES = 9_085_657
"""Of Llama 3's."""
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": False,
    "dtype": "bfloat16",
}


class Zeros(bytes):
    """A file of a size that no memory holds: a header, and zeros for as long as is asked."""

    size: int

    def __new__(cls, header: bytes, size: int) -> "Zeros":
        made = super().__new__(cls, header)
        made.size = size
        return made

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, part: slice) -> bytes:  # pyright: ignore[reportIncompatibleMethodOverride]
        start, end = part.start or 0, min(part.stop, self.size)
        assert end - start < 2**24, "a weights file was asked for, not its header"
        return super().__getitem__(slice(start, end)).ljust(end - start, b"\0")


def llama_tensors() -> dict[str, tuple[str, list[int]]]:
    """Return type and shape of all tensors of Llama 3 70B."""
    wide, narrow, inner = 8192, 1024, 28672
    shapes = {"model.embed_tokens.weight": [128256, wide]}
    for layer in range(80):
        block = {
            "self_attn.q_proj": [wide, wide],
            "self_attn.k_proj": [narrow, wide],
            "self_attn.v_proj": [narrow, wide],
            "self_attn.o_proj": [wide, wide],
            "mlp.gate_proj": [inner, wide],
            "mlp.up_proj": [inner, wide],
            "mlp.down_proj": [wide, inner],
            "input_layernorm": [wide],
            "post_attention_layernorm": [wide],
        }
        shapes |= {f"model.layers.{layer}.{name}.weight": shape for name, shape in block.items()}
    shapes |= {"model.norm.weight": [wide], "lm_head.weight": [128256, wide]}
    return {name: ("BF16", shape) for name, shape in shapes.items()}


def put_large_model(repo: HubRepo, folder: Path) -> None:
    """Put a Llama 3 70B into a repository, of which the weights are headers alone."""
    write_good(folder)
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    tokenizer = (folder / "tokenizer.json").read_bytes()
    (folder / "tokenizer.json").write_bytes(tokenizer.ljust(TOKENIZER_BYTES))
    for name in ("LICENSE", "USE_POLICY.md", "special_tokens_map.json"):
        (folder / name).write_text("{}", encoding="utf-8")
    small = {f.name: f.read_bytes() for f in folder.iterdir() if f.suffix != ".safetensors"}
    tensors = list(llama_tensors().items())
    weight_map, entries = {}, {}
    for number in range(SHARDS):
        name = f"model-{number + 1:05}-of-{SHARDS:05}.safetensors"
        part = dict(tensors[number::SHARDS])
        entries[name] = _shard(part)
        weight_map |= dict.fromkeys(part, name)
    small["model.safetensors.index.json"] = json.dumps({"weight_map": weight_map}).encode()
    for name, content in small.items():
        large = hashlib.sha256(content).hexdigest() if len(content) > 10**6 else None
        entries[name] = Entry(content, blob_of(content), large)
    repo.apply(entries, "the model")


def _shard(tensors: dict[str, tuple[str, list[int]]]) -> Entry:
    header = json.dumps(header_of(tensors)).encode()
    size = sum(math.prod(shape) * TYPE_BITS[kind] // 8 for kind, shape in tensors.values())
    content = Zeros(len(header).to_bytes(8, "little") + header, 8 + len(header) + size)
    sha256 = hashlib.sha256(header).hexdigest()
    return Entry(content, blob_of(header), sha256)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    close_session()
    with running_hub() as hub:
        put_large_model(hub.create("org/large", kind="models", private=False), tmp_path / "large")
        yield hub
    close_session()


@pytest.fixture
def online(tmp_path: Path, hub: SmallHub) -> Settings:
    return Settings.model_validate({"home": tmp_path / "home", "hub_endpoint": hub.address})


@pytest.mark.parametrize("redirects", [False, True])
def test_70_billion_values_in_30_files_cost_few_calls(
    redirects: bool, hub: SmallHub, online: Settings
) -> None:
    hub.redirects = redirects
    report = validate(Subject(model="org/large"), online)
    assert report.ok, report.summary()
    assert codes(report) <= {"larger_than_memory"}
    assert report.facts["params_billion"] == pytest.approx(70.55, abs=0.01)
    redirected = hub.calls["lfs-get"]
    assert redirected == (SHARDS + 1 if redirects else 0)  # the weights, and the tokenizer
    assert hub.calls.total() - redirected <= 60
    assert hub.bytes_sent < 20_000_000
