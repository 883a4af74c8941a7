"""Load: HTTP ordering by Locust, fleets over MQTT, allocation batches; budgets pass or fail."""
