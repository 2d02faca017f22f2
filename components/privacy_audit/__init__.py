"""Stage: what the trained model gives away about the people it learnt from."""
