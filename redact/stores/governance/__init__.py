"""Migrations of what the DPO keeps."""
