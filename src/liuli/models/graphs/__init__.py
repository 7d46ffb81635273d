"""Graphs: networks whose nodes learn from the nodes that they are tied to."""
