"""Figures of the questions that `quasar compare` answers with a table of their own: one file a question."""
