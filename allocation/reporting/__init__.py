"""What a result says in figures: ``report.json``, and the page that prints."""
