"""Benchmarks: numbers with bounds, printed and kept, never text."""
