"""The reader: which letter an answer in words gives to a multiple-choice question.

`reader` reads an answer, `rules` has its six rules, `places` says which letter is in a decisive
place, `words` has the words of each language, `thinking` finds the answer behind the thinking, and
`answers` has the types. Nothing here knows a model, a benchmark or a file. docs/design/reading.md
has the table of rules.
"""
