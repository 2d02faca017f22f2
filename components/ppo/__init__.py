"""Stage: reinforcement learning from the reward model."""
