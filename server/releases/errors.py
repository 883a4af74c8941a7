"""Why something about releases is not done."""


class ReleaseRefusedError(ValueError):
    """It cannot be done as asked; one line that says why and what to do. Nothing was written."""
