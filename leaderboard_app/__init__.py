"""The web board: what readers and submitters see.

`app` puts the pages on one server, `board_data` follows the board store, `table` shapes what it
holds, `answers` are compressed HTTP answers with an ETag. Every page is one module (`board_page`,
`model_page`, `queue_page`, `submit_page`, `about_page`), `pages` is what they share. `static/` goes
to the browser as it is, `templates/` are HTML that escapes what is put into it. `language` has every
text that people see in every language, from `texts/`.

It imports `evalboard` and nothing that evaluates: no Prefect, Ray, torch or lm_eval.
"""
