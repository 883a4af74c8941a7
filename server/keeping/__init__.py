"""Keeping it: backup and restore of a whole installation, and what is kept of persons for how long."""
