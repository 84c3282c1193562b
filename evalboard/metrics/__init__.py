"""What the stored answers say beside accuracy. No model is asked again.

`answered` reads stored answers. Each other module has one kind of metric, and `table` lists all of them.
"""
