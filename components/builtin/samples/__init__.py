"""Sample data written by this project, and the generator that makes it."""
