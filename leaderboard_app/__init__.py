"""The web pages of the board, for readers and submitters.

It is a small web app in a Gradio shell. `app` serves the pages and contains their table: board,
compare, queue and model are one element each, drawn by a script in `static/`; `analysis_page`,
`submit_page` and `about_page` use parts of Gradio. `pages` contains what all pages share.

`board_data` follows the board store, `board_rows` ranks and finds its rows, `board_document` is the
data of the page, and `responses` are HTTP responses that are compressed once. `model_routes` are
the addresses of single models, with data from `model_data`, `provenance` and `questions`;
`submissions` are the addresses for submitting, with the counts of `day_count`. `language` contains
all texts in all languages, one file of `texts/` each.

`connections` limits the server's connections, and `guard` every request before it gets further,
with `addresses` (who asks), `bodies` (what was sent), `places` (how many at once) and
`gradio_calls` (which part of Gradio is open).

It imports `evalboard` and nothing that evaluates: no Prefect, Ray, torch or lm_eval.
"""
