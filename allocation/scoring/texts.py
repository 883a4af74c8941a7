"""What the components are called, in English and Chinese."""

from collections.abc import Mapping
from typing import Final

COMPONENT_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "demand": ("demand", "需求"),
    "trend": ("trend", "趋势"),
    "assortment": ("assortment", "品规宽度"),
    "turnover": ("turnover", "周转"),
    "payment": ("payment", "付款"),
    "acceptance": ("acceptance of deliveries", "收货"),
    "compliance": ("compliance", "守法合规"),
    "service": ("service", "服务"),
}
