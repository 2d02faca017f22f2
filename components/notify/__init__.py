"""Exit task: say how the run ended."""
