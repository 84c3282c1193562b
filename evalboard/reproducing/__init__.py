"""Make the scores of a row again with plain lm_eval, and compare the answers.

| module     | does                                                              |
|------------|-------------------------------------------------------------------|
| `tasks`    | writes the task files that plain lm_eval needs                    |
| `commands` | makes the commands                                                |
| `answers`  | compares lm_eval's answers with the stored ones, question by question |
"""
