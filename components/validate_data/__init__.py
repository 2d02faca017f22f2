"""Stage: raw rows become checked rows; what is refused is kept with its reason."""
