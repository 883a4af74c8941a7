"""What the shops of a play are asked: all of them what they think, a sample of each tier what they sell and hold."""

from typing import Any

SURVEY: dict[str, Any] = {
    "title": {"zh": "配送满意度", "en": "How was the delivery?"},
    "intro": {"zh": "四个问题，一分钟。", "en": "Four questions, one minute."},
    "audience": {"regions": [], "routes": [], "tiers": []},
    "questions": [
        {
            "id": "time",
            "kind": "single",
            "text": {"zh": "什么时间送到最合适？", "en": "When should goods arrive?"},
            "required": True,
            "choices": [
                {"id": "early", "text": {"zh": "十点前", "en": "Before ten"}},
                {"id": "noon", "text": {"zh": "中午", "en": "Around noon"}},
                {"id": "late", "text": {"zh": "下午", "en": "In the afternoon"}},
            ],
        },
        {
            "id": "fair",
            "kind": "scale",
            "text": {"zh": "分配是否公平？", "en": "How fair was the sharing?"},
            "required": True,
            "low": 1,
            "high": 5,
        },
        {
            "id": "service",
            "kind": "matrix",
            "text": {"zh": "您对我们的服务满意吗？", "en": "How content are you with our service?"},
            "required": True,
            "choices": [
                {"id": "good", "text": {"zh": "满意", "en": "content"}},
                {"id": "fair", "text": {"zh": "一般", "en": "neither"}},
                {"id": "poor", "text": {"zh": "不满意", "en": "not content"}},
            ],
            "rows": [
                {"id": "goods", "text": {"zh": "货源供应", "en": "The supply of goods"}},
                {"id": "round", "text": {"zh": "送货服务", "en": "The delivery"}},
                {"id": "manager", "text": {"zh": "客户经理", "en": "The customer manager"}},
            ],
        },
        {
            "id": "words",
            "kind": "text",
            "text": {"zh": "还想告诉我们什么？", "en": "Anything else?"},
            "required": False,
        },
    ],
}
MARKET: dict[str, Any] = {
    "title": {"zh": "市场信息采集", "en": "What the market does"},
    "intro": {"zh": "抽样采集，两分钟。", "en": "A sample of the shops is asked; two minutes."},
    "audience": {"regions": [], "routes": [], "tiers": []},
    "sort": "market",
    "series": "market",
    "every_days": 7,
    "grace_h": 24,
    "remind_h": 48,
    "sample": {"how": "stratified", "by": "tier", "spread": "proportional", "seed": "demo"},
    "plausible": [{"question": "takings", "low": 50_000, "high": 900_000, "change_percent": 50}],
    "questions": [
        {
            "id": "takings",
            "kind": "money",
            "text": {"zh": "昨天的营业额是多少？", "en": "What were yesterday's takings?"},
            "required": True,
            "low": 20_000,
            "high": 1_000_000,
        },
        {
            "id": "stock",
            "kind": "number",
            "text": {"zh": "各类商品还能卖几天？", "en": "For how many days does your stock last?"},
            "required": True,
            "low": 0,
            "high": 30,
            "rows": [
                {"id": "usual", "text": {"zh": "平常货源", "en": "Usual goods"}},
                {"id": "scarce", "text": {"zh": "紧俏货源", "en": "Scarce goods"}},
            ],
        },
        {
            "id": "shelf",
            "kind": "photo",
            "text": {"zh": "货架照片", "en": "A photo of the shelf"},
            "required": False,
        },
    ],
}
