"""Stage: a reward model from human preferences."""
