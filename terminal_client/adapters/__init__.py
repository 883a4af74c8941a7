"""The edge of the world: broker, HTTP, the machine's clocks. Translate, and decide nothing."""
