"""What a data protection officer must be able to show: built on the stores, and on what really ran."""
