"""Stage: everything that can fail cheaply fails here, before a GPU is asked for."""
