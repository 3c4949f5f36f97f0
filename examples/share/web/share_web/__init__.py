"""Share's web service: people, files and share links."""
