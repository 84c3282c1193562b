"""What is decided about the queue as a whole: who may be in it, what became of it, who acts on it."""
