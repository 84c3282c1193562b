import pytest

from evalboard.board.naming import find_row, row_name
from evalboard.errors import ConfigError
from evalboard.identity import RowIdentity

PLAIN = RowIdentity("lab/tiny", "a1" * 20, "bfloat16", "Original", False, False)
CHAT = PLAIN._replace(use_chat_template=True)
THINKING = CHAT._replace(enable_thinking=True)
LATER = PLAIN._replace(sha="b2" * 20)
LORA = RowIdentity("lab/other", "c3" * 20, "float32", "Adapter", False, False)
ROWS = [PLAIN, CHAT, THINKING, LATER, LORA]


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_found_by_its_whole_name(row: RowIdentity) -> None:
    assert find_row(row_name(row), ROWS) == row


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("lab/other", LORA),
        ("Lab/Other adapter", LORA),
        ("lab/tiny@b2", LATER),
        ("lab/tiny@a1 thinking", THINKING),
    ],
)
def test_part_of_a_name_is_enough_where_one_row_has_it(name: str, row: RowIdentity) -> None:
    assert find_row(name, ROWS) == row


def test_a_name_of_several_rows_lists_them() -> None:
    with pytest.raises(ConfigError) as error:
        find_row("lab/tiny chat", ROWS)
    listed = error.value.message
    assert "lab/tiny@a1a1a1a1 bfloat16 chat;" in listed
    assert "lab/tiny@a1a1a1a1 bfloat16 chat thinking" in listed
    assert "b2b2" not in listed


def test_a_name_of_no_row_lists_those_of_the_model() -> None:
    with pytest.raises(ConfigError, match="has these rows: lab/other@c3c3c3c3 float32 Adapter"):
        find_row("lab/other bfloat16", ROWS)
    with pytest.raises(ConfigError, match="`evalboard board show` lists"):
        find_row("lab/none", ROWS)
