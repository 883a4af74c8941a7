"""Explicit tables: which handler takes a message kind, which lists can be brought in.

:mod:`server.wiring`, :mod:`server.background` and :mod:`server.rooms` are the places that see all capabilities: what
comes in, what happens by itself, what is seen. To add one, add its lines there. They are apart so that a process
loads what it needs: ingest comes up without web and without solver.
"""

from server.announcements import mqtt as announcements_mqtt
from server.catalogue.fields import SKUS
from server.deliveries import mqtt as deliveries_mqtt
from server.devices import mqtt as devices_mqtt
from server.feedback import mqtt as feedback_mqtt
from server.fleet import mqtt as fleet_mqtt
from server.forecasts import mqtt as forecasts_mqtt
from server.forecasts.fields import HISTORY
from server.inventory import mqtt as inventory_mqtt
from server.kit.inbox import Handlers
from server.kit.records import Kind
from server.licences.fields import LICENCES
from server.orders import mqtt as orders_mqtt
from server.retailers.fields import LIMITS, RETAILERS
from server.scores import mqtt as scores_mqtt
from server.scores.fields import KINDS as FACTS
from server.steering import mqtt as steering_mqtt
from server.surveys import mqtt as surveys_mqtt

#: Message kind -> how it is read and acted on; the same over MQTT and HTTP.
HANDLERS: Handlers = {
    **devices_mqtt.HANDLERS,
    **steering_mqtt.HANDLERS,
    **fleet_mqtt.HANDLERS,
    **orders_mqtt.HANDLERS,
    **deliveries_mqtt.HANDLERS,
    **inventory_mqtt.HANDLERS,
    **surveys_mqtt.HANDLERS,
    **announcements_mqtt.HANDLERS,
    **forecasts_mqtt.HANDLERS,
    **scores_mqtt.HANDLERS,
    **feedback_mqtt.HANDLERS,
}

#: Lists that can be brought in from files.
IMPORTS: tuple[Kind, ...] = (SKUS, RETAILERS, LIMITS, LICENCES, HISTORY, *FACTS)
