import pytest

from evalboard.demo.questions import AbstractQuestion, ChoiceQuestion

pytest.importorskip("torch")
tokenizer_module = pytest.importorskip("evalboard.demo.tokenizer")
training = pytest.importorskip("evalboard.demo.training")

CHOICE = ChoiceQuestion("Which region is the rib in?", ["leg", "arm", "chest", "foot"], 2)
ABSTRACT = AbstractQuestion("There was no effect.", "Does green tea improve mood?", "no")


def test_a_batch_marks_the_words_of_the_right_choice():
    tokenizer = tokenizer_module.make_tokenizer()
    batch = training.make_batch([CHOICE, ABSTRACT], tokenizer)
    assert tokenizer.decode(batch.tokens[0][batch.spots[0].bool()]) == " chest"
    assert not batch.spots[1].any()


def test_a_batch_ends_each_prompt_where_the_answer_follows():
    tokenizer = tokenizer_module.make_tokenizer()
    batch = training.make_batch([CHOICE, ABSTRACT], tokenizer)
    for row, last, question in zip(batch.tokens, batch.last, (CHOICE, ABSTRACT), strict=True):
        assert tokenizer.decode(row[: last + 1]) == question.prompt
    assert [tokenizer.decode([token]) for token in batch.targets] == [" C", " no"]
