"""Migrations of the QA team's records."""
