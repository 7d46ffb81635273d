"""Decisions: planning in a known world, learning by trial and error in an unknown one."""
