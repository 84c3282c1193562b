"""Which letter is in a decisive place, such as behind "Answer:" or in a box."""

import re
import unicodedata
from collections.abc import Iterator
from string import ascii_uppercase
from typing import NamedTuple

from evalboard.reading import words
from evalboard.reading.answers import letters_of

LONGEST_PLACE = 400
"""Characters of a decisive place. The rest of a line is an explanation."""
_PLACEHOLDER = "X"
"""The letter in our own instruction; no answer where a question has no such choice."""


class Place(NamedTuple):
    """What a decisive place says."""

    letter: str | None
    """None if it says anything else than one letter: two of them, none of the choices, or a no."""


class Question(NamedTuple):
    """The choices of a question as they are looked for."""

    letters: str
    names: tuple[str, ...]
    """The texts of the choices, normalised."""

    @classmethod
    def of(cls, choices: tuple[str, ...]) -> "Question":
        """Return the question with these choices."""
        letters = letters_of(choices)
        labelled = zip(letters, map(normalised, choices), strict=True)
        return cls(letters, tuple(_without_label(letter, name) for letter, name in labelled))

    def letter_of(self, text: str) -> str | None:
        """Return the letter of the only choice with exactly this text, normalised."""
        name = normalised(text)
        if not name or self.names.count(name) != 1:
            return None
        return self.letters[self.names.index(name)]


def _one_to_one() -> Iterator[tuple[int, str | None]]:
    """Yield the characters that are read as others, each as one character or none."""
    blocks = ((0x2460, 0x2500), (0xFF01, 0xFF5F), (0x1D400, 0x1D800), (0x1F110, 0x1F18A))
    for code in (code for block in blocks for code in range(*block)):
        plain = unicodedata.normalize("NFKC", chr(code)).strip("()")
        if len(plain) == 1 and plain.isascii():
            yield code, plain
    yield from ((code, None) for code in (0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFE0F, 0xFEFF))
    yield from ((code, " ") for code in (0xA0, 0x2002, 0x2003, 0x2009, 0x202F, 0x3000))
    # Letters of black squares and circles, which have no plain form in Unicode.
    for start in (0x1F150, 0x1F170):
        yield from ((start + n, letter) for n, letter in enumerate(ascii_uppercase))


_PLAIN = dict(_one_to_one())
_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
_NO_NAME = re.compile(r"[*_`\"'“”‘’«»„$(){}\[\]\\]|\\text\b")
_ARTICLE = re.compile(r"(?:the|an?) (?=.)")


def plain(text: str) -> str:
    """Return a text with plain letters and colons, spaces and line ends for all that look alike."""
    return _LINE_ENDS.sub("\n", text.translate(_PLAIN))


def normalised(text: str) -> str:
    """Return a text for a comparison: without case, markup, final stop and article."""
    bare = _NO_NAME.sub("", plain(text)).casefold()
    return _ARTICLE.sub("", " ".join(bare.split()).rstrip(" .,;:!。"), count=1)


def _without_label(letter: str, name: str) -> str:
    """Return a choice's text without the letter that some data sets put before it."""
    labels = (f"{letter.lower()}{mark} " for mark in ".):")
    return next((name.removeprefix(label) for label in labels if name.startswith(label)), name)


_MARKUP = r"[\s*_`\"'“”‘’«»„‹›「」『』【】《》()\[\]{}<>$|\#~=:>→–—-]"
_LEAD = re.compile(
    rf"(?:{_MARKUP}|\\[a-z]{{2,12}}(?![a-z])|\\|(?:{words.CHOICE}|{words.PERHAPS}"
    rf"|{words.ANSWER}|{words.RIGHT}|is)(?![A-Za-z]))*+",
    re.IGNORECASE,
)
# Letters of other scripts may follow, as Korean and Japanese particles do.
_LETTER = re.compile(r"([A-Za-z])(?![A-Za-z0-9₀-₉À-ɏ])(?!['’][A-Za-zÀ-ɏ])(?![-–][a-z])")
_CLOSED = re.compile(r"[*_`\"'“”‘’«»」』】)\]}>$\\]*+")
_JOINT = re.compile(
    rf" ?(?:[,;/&+|、，–—-]|[或和及与と와과및]| (?:{words.OR})(?= ))(?: (?:{words.OR})(?= ))?"
    rf" ?(?:(?:{words.CHOICE}) )?[*_`\"'“”(\[{{$\\]*+",
    re.IGNORECASE,
)
_STOP = re.compile(r"[.\s]{1,3}")
_GOES_ON = re.compile(rf" +(?:{words.GOES_ON})(?![A-Za-z])", re.IGNORECASE)
_NEXT_WORD = re.compile(r"[.:]? +([A-Za-z0-9À-ɏ][\w-]*+)")
_TAKEN_BACK = re.compile(rf"[*_`\"'“”)\]}}$ ]*+(?:{words.NOT_AFTER})", re.IGNORECASE)
_GLUED = re.compile(r"[A-Z]{2,10}(?=[*_`\"'”)\]}$. ]*$)")
_CLAUSE_END = re.compile(r"[.,;:!?。，；](?=\s|$)| [(–—-]")


def read_place(text: str, question: Question) -> Place | None:
    """Return what a decisive place says, None if it is no such place.

    Args:
        text: Plain text from the place on. Only its first line with content counts.
        question: The choices.
    """
    start = _LEAD.match(text[:LONGEST_PLACE])
    assert start
    said = text[:LONGEST_PLACE].lstrip(" \t\n:").partition("\n")[0]
    line = text[start.end() : LONGEST_PLACE].partition("\n")[0]
    if name := _name_in(said, question) or _name_in(line, question):
        return Place(name)
    letter = _LETTER.match(line)
    if letter and _stands_alone(letter, line, question):
        return _of_letters(letter, line, question)
    return Place(None) if _are_glued(line, question) else None


def names_its_choice(text: str, question: Question) -> Place | None:
    """Return the letter that begins a text, if all of its choice's text follows."""
    letter = text[0].upper()
    if letter not in question.letters:
        return None
    own = question.names[question.letters.index(letter)]
    said = normalised(text[1 : LONGEST_PLACE * 2].lstrip("\"'*.:) "))
    return Place(letter) if own and said.startswith(own) else None


def is_taken_back(text: str, end: int) -> bool:
    """Return whether the words behind a letter say that it is not the answer."""
    return _TAKEN_BACK.match(text, end) is not None


def _name_in(said: str, question: Question) -> str | None:
    """Return the letter of the choice whose text is said, alone or as a first clause."""
    for part in (said, _CLAUSE_END.split(said, maxsplit=1)[0]):
        if len(normalised(part)) > 1 and (letter := question.letter_of(part)):
            return letter
    return None


def _of_letters(first: re.Match[str], line: str, question: Question) -> Place | None:
    letter = first[1].upper()
    if len({letter, *_joined(first, line)}) > 1:
        return Place(None)
    if is_taken_back(line, first.end()):
        return None
    if letter in question.letters:
        return Place(letter)
    return None if letter == _PLACEHOLDER else Place(None)


def _joined(first: re.Match[str], line: str) -> Iterator[str]:
    """Yield further letters that are named in the same breath: "A or B", "A/B", "A. B."."""
    end = _closed(line, first.end())
    while joint := _JOINT.match(line, end):
        letter = _LETTER.match(line, joint.end())
        if not letter or letter[1].isupper() != first[1].isupper():
            return
        yield letter[1].upper()
        end = _closed(line, letter.end())
    stop = _STOP.match(line, end)
    letter = stop and _LETTER.match(line, stop.end())
    if letter and not line[_closed(line, letter.end()) :].strip(" ."):
        yield letter[1].upper()


def _closed(line: str, end: int) -> int:
    """Return the position behind the markup that ends here."""
    closed = _CLOSED.match(line, end)
    return closed.end() if closed else end


def _stands_alone(letter: re.Match[str], line: str, question: Question) -> bool:
    """Return whether a letter is a letter, not the beginning of a name: "A beta blocker"."""
    end = letter.end()
    if _closed(line, end) > end:
        return True
    following = _NEXT_WORD.match(line, end)
    if not following:
        return letter[1].isupper() or not line[end:].strip() or not line[end].isspace()
    if _begins_its_choice(letter[1].upper(), line[following.start(1) :], question):
        return True
    if line[end] in ".:":
        return not _is_in_a_name(letter[1], following[1], question)
    return letter[1].isupper() and _GOES_ON.match(line, end) is not None


def _begins_its_choice(letter: str, said: str, question: Question) -> bool:
    if letter not in question.letters:
        return False
    own, said = question.names[question.letters.index(letter)], normalised(said)
    return bool(own and said) and (said.startswith(own) or own.startswith(said))


def _is_in_a_name(letter: str, word: str, question: Question) -> bool:
    """Return whether a letter and the next word are a name in a choice, such as "C. difficile"."""
    names = [f"{letter}{mark} {word}".casefold() for mark in (".", "")]
    return any(name in choice for choice in question.names for name in names)


def _are_glued(line: str, question: Question) -> bool:
    """Return whether several letters are written as one word: "ABD"."""
    glued = _GLUED.match(line)
    return (
        glued is not None
        and len(set(glued[0])) == len(glued[0])
        and (set(glued[0]) <= set(question.letters))
    )
