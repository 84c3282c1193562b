"""The web board: what readers and submitters see.

A small web app in a Gradio shell. `app` puts the pages on one server and has the table of them:
board, compare, queue and model are one element each, drawn by a script in `static/`; `analysis_page`,
`submit_page` and `about_page` have parts of Gradio. `pages` is what all share.

`board_data` follows the board store, `board_rows` ranks and looks up what it holds, `board_document`
is what the page gets, `responses` are HTTP responses that are compressed once. `model_routes` are the
addresses of single models, from `model_data`, `provenance` and `questions`; `submissions` are those
that submit. `language` has every text that people see in every language, from `texts/`.

It imports `evalboard` and nothing that evaluates: no Prefect, Ray, torch or lm_eval.
"""
