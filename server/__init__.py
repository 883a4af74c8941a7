"""The distributor's server: one folder per capability over a kit that holds no business word."""
