from evalboard.repositories import selection

FILES = {
    "config.json": 10,
    "tokenizer.json": 20,
    "chat_template.jinja": 5,
    "additional_chat_templates/tools.jinja": 6,
    "README.md": 7,
    "model-00001-of-00002.safetensors": 1000,
    "model-00002-of-00002.safetensors": 1000,
    "model.safetensors.index.json": 30,
    "consolidated.safetensors": 2000,
    "pytorch_model.bin": 1000,
    "modeling_own.py": 3,
    "onnx/config.json": 9,
}


def test_small_files_are_neither_weights_nor_code() -> None:
    assert set(selection.small_files(FILES)) == {
        "config.json",
        "tokenizer.json",
        "chat_template.jinja",
        "additional_chat_templates/tools.jinja",
        "README.md",
    }


def test_a_huge_file_is_left_out_and_pushes_out_nothing() -> None:
    files = {"config.json": 10, "a.json": selection.SMALL_FILE_BYTES + 1}
    assert selection.small_files(files) == ["config.json"]


def test_all_small_files_together_have_a_limit() -> None:
    files = {f"{number}.json": selection.SMALL_FILE_BYTES for number in range(100)}
    assert len(selection.small_files(files)) == 60


def test_what_is_needed_and_too_large_is_named() -> None:
    most, tokenizer = selection.SMALL_FILE_BYTES, selection.TOKENIZER_FILE_BYTES
    files = {"config.json": most + 1, "README.md": most, "tokenizer.json": tokenizer + 1, "b": 9**9}
    assert selection.oversized_files(files) == {"config.json": most, "tokenizer.json": tokenizer}


def test_loading_takes_one_copy_of_the_weights_and_the_index() -> None:
    loadable = selection.loadable_files(FILES)
    assert "model.safetensors.index.json" in loadable
    assert "model-00001-of-00002.safetensors" in loadable
    assert "consolidated.safetensors" not in loadable
    assert not any(path.endswith((".bin", ".py", ".so")) for path in loadable)


MISTRAL = {
    "consolidated.safetensors": 9,
    "consolidated-00002-of-00002.safetensors": 9,
    "consolidated.safetensors.index.json": 9,
    "params.json": 9,
    "tekken.json": 9,
    "hf_quant_config.json": 9,
}


def test_a_second_layout_is_neither_checked_nor_loaded() -> None:
    files = {**FILES, **MISTRAL}
    assert selection.other_layout(files) == sorted(MISTRAL)
    assert not set(MISTRAL) & {*selection.loadable_files(files), *selection.small_files(files)}


def test_the_only_layout_is_no_second_one() -> None:
    only = {name: 9 for name in MISTRAL if "safetensors" not in name}
    assert selection.other_layout(only) == []
    assert set(selection.small_files(only)) == set(only)


def test_loading_takes_no_index_of_other_weights() -> None:
    names = ("pytorch_model.bin.index.json", "own.safetensors.index.json")
    loadable = selection.loadable_files({**FILES, **dict.fromkeys(names, 9)})
    assert not set(names) & set(loadable)


def test_the_only_copy_is_taken_whatever_its_name() -> None:
    assert selection.weight_files(["consolidated.safetensors"]) == ["consolidated.safetensors"]


def test_pickles_are_found_at_the_root() -> None:
    assert selection.pickles([*FILES, "onnx/a.bin"]) == ["pytorch_model.bin"]
