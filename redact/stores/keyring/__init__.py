"""Migrations of the store of keys."""
