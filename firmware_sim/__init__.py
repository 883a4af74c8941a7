"""Simulated terminals and fleets that drive the real terminal code over the real wire."""
