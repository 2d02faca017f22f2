"""Attune's pipeline stages: one folder each, and what two or more of them share."""
