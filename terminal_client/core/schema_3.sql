-- Version 3. Who said it: the owner or a clerk, where the terminal has PINs.

ALTER TABLE outbox ADD COLUMN said_by TEXT CHECK (said_by IN ('owner', 'clerk'));
