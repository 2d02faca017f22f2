"""Stage: the decision, the model version and its card."""
