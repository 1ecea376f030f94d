"""The questions: one file a study, and the networks they start from."""
