"""The queue as a whole: queries, actions, claims, reconciliation and its overview."""
