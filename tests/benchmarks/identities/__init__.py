"""Identities of nobody, made for the anonymization benchmark: names, numbers with a format, and sentences that carry them."""
