"""Read the results of others: lm-eval's output, and the data sets of the leaderboard templates.

| module    | does                                                                        |
|-----------|-----------------------------------------------------------------------------|
| `values`  | reads names and numbers as others write them, and notes what it changes     |
| `results` | reads a result file, of lm-eval or of a template of the first generation    |
| `samples` | checks a score of lm-eval against its file of answers                       |
| `tables`  | reads a table with one row per model: a template's `contents`, or our export |
| `folders` | finds the files in a folder, and reads each                                 |

Nothing is repaired silently: every change is a note, and the imported text is kept whole. No I/O but in
`folders` and `samples`.
"""
