"""A small head on a frozen sentence encoder that finds personal data in English text: the only engine that needs torch."""
