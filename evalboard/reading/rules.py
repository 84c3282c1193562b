"""The six rules: where the letter of an answer is looked for, the most decisive place first.

Each rule looks for the last place of its kind in the text. The first rule that finds one decides,
also if that place names two letters: then the answer is unreadable.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from evalboard.reading import words
from evalboard.reading.answers import Rule
from evalboard.reading.places import (
    LONGEST_PLACE,
    Place,
    Question,
    is_taken_back,
    names_its_choice,
    normalised,
    read_place,
)


class Found(NamedTuple):
    """The place that decides by a rule."""

    place: Place
    end: int
    """Position in the text, behind the beginning of the place."""
    is_line: bool = False
    """Whether the place begins its line."""


FindPlace = Callable[[str, Question], Found | None]
"""Returns the last place of a kind in a plain text."""

_MOST = 200
"""Places of a kind that are looked at, the last ones: the time for any text is bounded."""
_MOST_VERBS = 4
_FAR = 120
"""Characters between a word for the answer and its verb, within one sentence."""
_BOUND = r"(?<![A-Za-zÀ-ɏ])"

_LABEL = re.compile(
    rf"{_BOUND}(?:{words.ANSWER}|final (?:choice|option))"
    rf"(?:[ ](?:{words.CHOICE}|{words.AFTER_ANSWER})|[ ]?\(\w{{1,10}}\))?"
    r"[*_`”）)\] ]*+(?:[:=→】]|->|\n|[-–—](?= ))",
    re.IGNORECASE,
)
_BEFORE_LABEL = re.compile(
    rf"(?:[\s*_`\"'“”\#>$(\[<{{|.,:\d)~•-]|\\boxed|\\text|(?:{words.DESCRIBED})(?![A-Za-z]))*+",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"\\f?boxed\s*\{|<\|begin_of_box\|>|<(?:final_?)?(?:answer|choice)>"
    r"|[\"'](?:final_|correct_|predicted_)?(?:answer|choice|option|letter)(?:_\w{1,10})?[\"']\s*:\s*\[?",
    re.IGNORECASE,
)
_FIELD_END = re.compile(r"</|<\||[\"'](?=\s*[,}\]])|\n\n")
_LIST_END = re.compile(r"\]")
_CHOICE_LINE = re.compile(r"^[ \t>*_(\[-]*+([A-Z])[*_]{0,3}[.):\]][*_ ]", re.MULTILINE)
_BARE_LINE = re.compile(
    rf"(?:(?:{words.CHOICE}|{words.ANSWER}) )?"
    r"[\s*_`\"'“”(\[{<$\#>-]*+([A-Za-z])[*_`\"'“”)\]}>$.!\s]*+",
    re.IGNORECASE,
)
_LOWER_LINE = re.compile(r"[*_(]*+(?=[a-z][.:)])")
_NAMED_LINE = re.compile(r"[\s*_`\"'“(\[\#>-]*+([A-Z])[*_`\"')\]]*+(?:[.:)\]]| [-–—]|(?<=[*)\]]))")
_NOUN = re.compile(
    rf"{_BOUND}(?:{words.ANSWER}|{words.CHOICE}|diagnosis|cause|treatment|step)(?![a-z])",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?。！？](?=\s|$)|[。！？]|\n\n")
_VERB = re.compile(
    rf"(?<![A-Za-zÀ-ɏ'’])(?:{words.IS})(?![A-Za-zÀ-ɏ])|:|{words.IS_UNSPACED}",
    re.IGNORECASE,
)
_NO_BEFORE_VERB = re.compile(rf"(?:{words.NOT}) ?$", re.IGNORECASE)
_DOUBT = re.compile(
    rf"(?:n['’]t|not) (?:think|believe|say|mean|sure)|unlikely that|(?:{words.WRONG}) ?$",
    re.IGNORECASE,
)
_CHOSEN = re.compile(rf"{_BOUND}(?:{words.CHOOSE})(?![a-z])|{words.CHOOSE_UNSPACED}", re.IGNORECASE)
_IS_RIGHT = re.compile(
    rf"(?<![\w'’-])([A-Z])[)\]\"'”*:.`]{{0,4}}\s(?:is|was|would be|seems|seems to be|appears to be|remains)"
    rf"(?: (?:therefore|thus|clearly|indeed|likely|probably|definitely|the|most|single|also)){{0,4}}"
    rf" (?:{words.RIGHT}|answer|correct (?:answer|option|choice))(?![a-z])",
    re.IGNORECASE,
)
_CLAUSE_START = re.compile(r"[.,;:!?\n。，；]|\b(?:so|therefore|but|thus|hence)\b", re.IGNORECASE)


def _last_of(pattern: re.Pattern[str], text: str) -> deque[re.Match[str]]:
    return deque(pattern.finditer(text), maxlen=_MOST)


def _last_line(text: str, question: Question) -> Found | None:
    """Find "Answer: X", on a line of its own or in one."""
    for label in reversed(_last_of(_LABEL, text)):
        if place := read_place(text[label.end() : label.end() + LONGEST_PLACE], question):
            return Found(place, label.end(), _begins_line(text, label.start()))
    return None


def _begins_line(text: str, start: int) -> bool:
    r"""Return whether only markup and words such as "final" are before a place on its line."""
    line_start = text.rfind("\n", 0, start) + 1
    before = text[line_start:start]
    return len(before) < LONGEST_PLACE and _BEFORE_LABEL.fullmatch(before) is not None


def _last_field(text: str, question: Question) -> Found | None:
    r"""Find "\boxed{X}", "<answer>X</answer>" or "answer": "X"."""
    for field in reversed(_last_of(_FIELD, text)):
        content = text[field.end() : field.end() + LONGEST_PLACE]
        end = _LIST_END if field[0].endswith("[") else _FIELD_END
        content = end.split(content.lstrip(" \n\"'"), maxsplit=1)[0]
        if place := read_place(content, question):
            return Found(place, field.end())
    return None


def _alone(text: str, question: Question) -> Found | None:
    """Find a letter that begins or ends the text, where no other choice is listed."""
    stripped = text.strip()
    last = stripped.rpartition("\n")[2]
    if letter := _only_letter(last, question):
        return Found(Place(letter), len(text))
    if len(_listed(text, question)) > 1:
        return None
    for line in (last, stripped.partition("\n")[0]):
        named = _NAMED_LINE.match(line)
        if named and (place := read_place(line, question)):
            return Found(place, len(text))
        lower = _LOWER_LINE.match(line)
        if lower and (place := names_its_choice(line[lower.end() :], question)):
            return Found(place, len(text))
    return None


def _listed(text: str, question: Question) -> set[str]:
    """Return the letters with which lines begin, as in a list of the choices."""
    return {line[1] for line in _CHOICE_LINE.finditer(text) if line[1] in question.letters}


def _only_letter(line: str, question: Question) -> str | None:
    bare = _BARE_LINE.fullmatch(line)
    letter = bare[1].upper() if bare else ""
    return letter if letter and letter in question.letters else None


def _last_sentence(text: str, question: Question) -> Found | None:
    """Find "the answer is X", "X is the answer" or "I choose X"."""
    found = [*_stated(text, question), *_chosen(text, question), *_said_right(text, question)]
    return max(found, key=lambda one: one.end, default=None)


def _stated(text: str, question: Question) -> Iterator[Found]:
    for noun in _last_of(_NOUN, text):
        if _DOUBT.search(_clause_before(text, noun.start())):
            continue
        rest = text[noun.end() : noun.end() + _FAR]
        span = _SENTENCE_END.split(rest, maxsplit=1)[0]
        for verb in islice(_VERB.finditer(span), _MOST_VERBS):
            if _NO_BEFORE_VERB.search(span[: verb.start()]):
                break
            end = noun.end() + verb.end()
            if place := read_place(text[end : end + LONGEST_PLACE], question):
                yield Found(place, end)
                break


def _clause_before(text: str, start: int) -> str:
    return _CLAUSE_START.split(text[max(0, start - 60) : start])[-1]


def _chosen(text: str, question: Question) -> Iterator[Found]:
    for verb in _last_of(_CHOSEN, text):
        place = read_place(text[verb.end() : verb.end() + LONGEST_PLACE], question)
        is_denied = _NO_BEFORE_VERB.search(text[max(0, verb.start() - 12) : verb.start()])
        if place and not is_denied:
            yield Found(place, verb.end())


def _said_right(text: str, question: Question) -> Iterator[Found]:
    for said in _IS_RIGHT.finditer(text):
        if said[1] in question.letters:
            yield Found(Place(said[1]), said.end(1))


_MARKED = re.compile(
    rf"(?:{_BOUND}(?:{words.CHOICE}|{words.ANSWER}) ?[*_`\"'“(\[]{{0,4}}|\(|\*\*[\"'“(]{{0,2}}"
    rf"|(?<![\w'’])[\"'“]|(?<=[ \t])(?=[A-Z][\"'*)]{{0,3}}[.:)]))([A-Z])(?![\w-])(?!['’][a-z])",
    re.IGNORECASE,
)
_MARK_END = re.compile(r"[*_`\"'”’)\]:.,;]")
_DENIED = re.compile(
    rf"(?:{words.DENIED})(?![a-z])(?: \w{{1,12}}){{0,2}}[ *_\"'“(]*$", re.IGNORECASE
)


def _last_mark(text: str, question: Question) -> Found | None:
    """Find the last sentence that marks letters, such as "(Option X)" or "**X: ..."."""
    is_list = len(_listed(text, question)) > 1
    marks = [
        (mark.end(), place)
        for mark in _last_of(_MARKED, text)
        if not (is_list and _begins_line(text, mark.start(1)))
        and (place := _marked(mark, text, question))
    ]
    if not marks:
        return None
    end = marks[-1][0]
    # The full stop of "B. Ibuprofen" ends no sentence.
    letters = {place.letter for at, place in marks if not _SENTENCE_END.search(text, at + 2, end)}
    return Found(Place(letters.pop() if len(letters) == 1 else None), end)


def _marked(mark: re.Match[str], text: str, question: Question) -> Place | None:
    if mark[1] not in question.letters or is_taken_back(text, mark.end()):
        return None
    if _DENIED.search(text[max(0, mark.start() - 40) : mark.start()]):
        return None
    said = text[mark.start(1) : mark.start(1) + LONGEST_PLACE]
    is_opened = mark.start() < mark.start(1)
    if is_opened and not mark[0][0].isalpha() and not _MARK_END.match(said, 1):
        return None
    return read_place(said, question) if is_opened else names_its_choice(said, question)


_SPAN = re.compile(r"\*\*([^*\n]{2,300})\*\*|\"([^\"\n]{2,300})\"")
_END_CHARACTERS = 600


def _whole_text(text: str, question: Question) -> Found | None:
    """Find the text of one choice, exactly: as the whole answer, its last line, or marked."""
    stripped = text.strip()
    end = stripped[-_END_CHARACTERS:]
    spans = [span[1] or span[2] for span in _SPAN.finditer(end)]
    lines = [stripped] if len(stripped) < LONGEST_PLACE else []
    letters = {
        letter
        for said in (*lines, end.rpartition("\n")[2], *spans)
        if normalised(said) and (letter := question.letter_of(said))
    }
    return Found(Place(letters.pop()), len(text)) if len(letters) == 1 else None


RULES: Mapping[Rule, FindPlace] = {
    Rule.LINE: _last_line,
    Rule.FIELD: _last_field,
    Rule.ALONE: _alone,
    Rule.SENTENCE: _last_sentence,
    Rule.MARK: _last_mark,
    Rule.TEXT: _whole_text,
}
"""Every rule, in the order in which they are asked."""
