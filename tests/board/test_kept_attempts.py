"""What a document gives to a board is the same after it was kept."""

import json

from evalboard.board.kept_attempts import from_json, to_json
from evalboard.board.rows import read_attempt
from evalboard.records.in_words import InWords
from evalboard.records.robustness import Robustness


def test_an_attempt_is_the_same_after_it_was_kept(grouped_suite, grouped_document):
    scores = {"doses": 0.1, "mmlu": 1 / 3, "mmlu_anatomy": 0.25, "mmlu_virology": 5 / 12}
    made = grouped_document(
        scores, stderr=0.1 / 3, chat_template_sha="t", params_billion=7.0, x=[1]
    )
    attempt = read_attempt(made, grouped_suite)
    assert attempt is not None
    attempt.scores["doses"] = attempt.scores["doses"]._replace(
        in_words=InWords(0.1, 1.0, 0.0, 12.0, 90.5),
        budget=100,
        n_cut=3,
        n_unfinished=1,
        robustness=Robustness(0.5, None, 0.1),
    )

    kept = from_json(json.loads(json.dumps(to_json(attempt))))

    assert kept == attempt
    assert kept.config.model_extra == {"x": [1]}
    assert type(kept.scores["doses"].in_words) is InWords
    assert type(kept.scores["doses"].robustness) is Robustness
    assert [type(s) for s in kept.scores["mmlu"].subjects] == [type(kept.scores["mmlu"])] * 2
