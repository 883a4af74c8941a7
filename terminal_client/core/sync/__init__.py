"""When to say what to the server: a pure state machine, ``step(state, event) -> state, actions``.

It knows neither store nor network. The engine feeds it events and carries out its actions; what an action
writes is written before anything else goes out, and a write that fails leaves the old state standing.

- A message goes to the broker while it is connected, else by HTTP, under the same id. Unanswered for
  :data:`ANSWER_WAIT_MS` it takes the other way. The broker's acknowledgement is not even an event here:
  only a receipt, from the feed or as the answer to a post, ends a message.
- Messages about one subject (an order and its amendments) go one after the other; others side by side.
- The cursor moves over items that follow it without a gap, and over pages, which the server vouches for.
  An item beyond a gap is applied at once and the gap is pulled.
- Failures are retried for ever, ever more slowly, with jitter. A revoked identity stops everything.

All times are the steady clock's milliseconds.
"""

from terminal_client.core.sync.machine import due_ms, not_written, step
from terminal_client.core.sync.state import IN_FLIGHT, State, begin

__all__ = ["IN_FLIGHT", "State", "begin", "due_ms", "not_written", "step"]
