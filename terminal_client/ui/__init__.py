"""The touch screens, served on loopback: routes, templates, static files. Calls use cases and views only."""
