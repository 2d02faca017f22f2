"""Stage: LoRA supervised fine-tuning."""
