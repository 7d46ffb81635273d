"""Sequences: networks that read one word after another."""
