"""Migrations of the records: the log and lawful bases."""
