"""Spoken data in written form, by language."""
