"""Ask after an upgrade of lm-eval or of a backend whether old scores still compare with new ones.

| module      | does                                                                      |
|-------------|---------------------------------------------------------------------------|
| `anchors`   | chooses the rows that are asked again                                     |
| `verdicts`  | compares new answers with the stored ones, and says whether scores compare |
"""
