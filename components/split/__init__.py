"""Stage: train, validation and test by person."""
