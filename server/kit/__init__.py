"""Technical ground of the server: no business word stands here."""
