"""Share's worker: looks at every upload once, for its checksum and its picture."""
