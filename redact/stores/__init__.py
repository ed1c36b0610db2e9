"""What is kept: lawful bases and the log (records), originals (vault), and the keys to them (a store of their own)."""
