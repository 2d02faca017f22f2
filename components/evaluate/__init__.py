"""Stage: perplexity, empathy, safety and forgetting of base, SFT and PPO."""
