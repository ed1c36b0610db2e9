"""Sound: decoding, speech activity, masking and encoding."""
