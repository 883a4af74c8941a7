"""The distributor's server: one folder per capability over a kit that holds no business word."""

__version__ = "0.1.0"
