"""Systems that read and write language."""
