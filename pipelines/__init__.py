"""The alignment DAG, what a run needs, and the command line. Imports kfp, never torch."""
