"""The console's style guide, rendered by tests and by hand."""
