"""Stage: personal data are found and replaced, and the recall is measured."""
