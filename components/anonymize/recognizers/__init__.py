"""Presidio recognizers that need no model, for the personal data that people write in chats."""
