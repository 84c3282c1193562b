from pathlib import Path

import pytest

from evalboard.errors import ConfigError
from evalboard.repositories import names


@pytest.mark.parametrize(
    "model", ["org/model", "Org-1/Model_2.5-B", "meta-llama/Llama-3.1-8B", "a/" + "b" * 96]
)
def test_a_board_name_is_taken(model: str) -> None:
    names.check_board_name(model)


@pytest.mark.parametrize(
    "model",
    [
        "",
        "org/",
        "/model",
        "org/a/b",
        "../etc",
        "org/..",
        "org/a..b",
        "org/.hidden",
        "-rf/model",
        "org/mo del",
        "org/model\n",
        "org/modèle",
        "org/<script>",
        "org\\model",
        "a/" + "b" * 97,
    ],
)
def test_anything_else_is_refused(model: str) -> None:
    with pytest.raises(ConfigError, match="is not a model name"):
        names.check_board_name(model)


@pytest.mark.parametrize(
    ("text", "model", "revision"),
    [
        ("https://huggingface.co/org/model", "org/model", ""),
        (" http://www.huggingface.co/org/model/ ", "org/model", ""),
        ("hf.co/org/model?library=transformers", "org/model", ""),
        ("https://huggingface.co/org/model/tree/main#card", "org/model", "main"),
        ("https://huggingface.co/org/model/tree/v2", "org/model", "v2"),
        ("huggingface.co/org/model/blob/refs%2Fpr%2F1/a/config.json", "org/model", "refs/pr/1"),
        ("https://hf.co/org/model/commit/0123abc", "org/model", "0123abc"),
        ("https://hf.co/org/model/discussions/1", "https://hf.co/org/model/discussions/1", ""),
        ("huggingface.co/model", "huggingface.co/model", ""),
        ("https://example.org/org/model", "https://example.org/org/model", ""),
        ("org/model", "org/model", ""),
    ],
)
def test_an_address_on_the_hub_names_its_model(text: str, model: str, revision: str) -> None:
    assert names.read_address(text) == (model, revision)


def test_a_name_without_an_organisation_is_told_what_to_add() -> None:
    with pytest.raises(ConfigError, match="'org/model'"):
        names.check_board_name("model")


@pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/1", "0" * 40])
def test_a_revision_is_taken(revision: str) -> None:
    names.check_revision(revision)


@pytest.mark.parametrize("revision", ["", "a b", "../main", "-x", "a\nb", "x" * 201])
def test_what_is_no_revision_is_refused(revision: str) -> None:
    with pytest.raises(ConfigError, match="is not a revision"):
        names.check_revision(revision)


@pytest.mark.parametrize(
    ("model", "expected"),
    [("/a", True), ("./a", True), ("../a", True), (".", True), ("org/model", False), ("a", False)],
)
def test_a_folder_is_known_by_its_spelling(model: str, expected: bool) -> None:
    assert names.is_folder_path(model) is expected


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/x/tiny", "local/tiny"),
        ("/x/my model (2)", "local/my-model-2"),
        ("/x/..a..b", "local/a.b"),
        ("/x/日本", "local/model"),
        ("/x/" + "y" * 200, "local/" + "y" * 96),
    ],
)
def test_a_folder_gets_a_clean_name(folder: str, expected: str) -> None:
    name = names.folder_model_name(Path(folder))
    assert name == expected
    assert names.is_board_name(name)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("config.json", True),
        ("a/b.json", True),
        ("../a", False),
        ("a/../b", False),
        ("/etc/passwd", False),
        ("a\\b", False),
        ("a\nb", False),
    ],
)
def test_a_path_must_stay_inside(path: str, expected: bool) -> None:
    assert names.is_safe_path(path) is expected
