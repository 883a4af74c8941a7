"""What people read for the names that stand in addresses and in forms of the console; it is handed this table.

A field that is called in forms what it is called in the audit is not repeated: :mod:`server.act_words` has it.
"""

from collections.abc import Mapping

from server.catalogue.fields import SKUS
from server.cycles.console_policies import ROUNDINGS, RULES
from server.cycles.console_standing import WEEKDAYS
from server.inventory.console_depot import KINDS
from server.kit.console.frame import FormWords
from server.kit.fields import Choice
from server.kit.marking import N_
from server.licences.fields import LICENCES
from server.retailers.fields import RETAILERS

#: The contract's word (:data:`contract.errors.WORDS`) for what a parameter of an address names.
THINGS: Mapping[str, str] = {
    "acts/act": "difference",
    "adjustment": "manual decision",
    "announcement": "announcement",
    "appeal": "appeal",
    "attachment": "attachment",
    "change": "policy change",
    "claim": "claim",
    "code": "retailer",
    "comparison": "what-if",
    "cycle": "cycle",
    "delivery": "delivery",
    "device_id": "device",
    "draft_id": "uploaded file",
    "feedback": "feedback",
    "files/number": "licence file",
    "kind": "kind of import",
    "key": "visit rule",
    "message": "message",
    "messages/message": "message",
    "operators/number": "operator",
    "ordinal": "photo",
    "orders/number": "order",
    "part": "part",
    "photo": "photo",
    "plan": "visit plan",
    "policies/number": "score policy",
    "promise": "promise",
    "report_id": "report",
    "retailer": "retailer",
    "run/number": "score run",
    "shop_export": "export",
    "signals/number": "finding",
    "sku": "SKU",
    "survey": "survey",
    "tokens/number": "token",
    "unnamed_id": "feedback",
    "visit": "visit",
    "webhook": "webhook",
    "window": "window",
    "window_id": "window",
}
FIELDS: Mapping[str, str] = {
    "about": N_("what it is about"),
    "answer_en": N_("answer in English"),
    "answer_zh": N_("answer in Chinese"),
    "attended": N_("attended"),
    "basket": N_("shop of a whole order"),
    "basket_sku": N_("SKU of a whole order"),
    "because_en": N_("reason in English"),
    "because_zh": N_("reason in Chinese"),
    "body": N_("visit"),
    "body_en": N_("text in English"),
    "body_zh": N_("text in Chinese"),
    "bundle": N_("bundle"),
    "bundle_sku": N_("SKU of a bundle"),
    "close": N_("close it"),
    "closes": N_("end of the window"),
    "closes_time": N_("time of the close"),
    "closes_weekday": N_("weekday of the close"),
    "codes": N_("retailers"),
    "coming": N_("comes"),
    "concerns": N_("concerns"),
    "credit": N_("credit"),
    "day": N_("day"),
    "document": N_("document"),
    "employee": N_("employee"),
    "end": N_("end of a decision"),
    "fairness": N_("among whom it is shared"),
    "gone": N_("attachments to take away"),
    "hours": N_("hours"),
    "inside": N_("inside a tier"),
    "key": N_("rule"),
    "known": N_("retailers shown"),
    "licence_number": N_("number of the licence"),
    "line_retailer": N_("shop of a line that is all or nothing"),
    "line_sku": N_("SKU of a line that is all or nothing"),
    "manager": N_("customer manager"),
    "mapping": N_("assignment of columns"),
    "minutes": N_("minutes"),
    "named": N_("terminals, by their ids"),
    "opens": N_("beginning of the window"),
    "opens_time": N_("time of the opening"),
    "opens_weekday": N_("weekday of the opening"),
    "others": N_("other SKUs"),
    "place": N_("place in the order"),
    "quota_of": N_("group of a quota"),
    "quota_sku": N_("SKU of a quota"),
    "quota_units": N_("units of a quota"),
    "reserve_units": N_("reserve in units"),
    "retailer_units": N_("units a retailer"),
    "returned_units": N_("units returned"),
    "ring": N_("ring"),
    "rounding": N_("rounding"),
    "rule": N_("rule"),
    "scanned": N_("scanned code"),
    "scarce": N_("scarce"),
    "superior": N_("superior"),
    "survey": N_("survey"),
    "tags": N_("tags"),
    "title_en": N_("title in English"),
    "title_zh": N_("title in Chinese"),
    "typed": N_("policy"),
    "verdict": N_("decision"),
    "wanted": N_("what was ticked"),
    "way": N_("way"),
    "week": N_("week"),
}
CHOICES: Mapping[str, str] = {
    **{f"kind.{kind}": words for kind, words in KINDS.items()},
    "kind.spoilage_blocked": N_("written off, set aside"),
    **{f"{field}.{rule}": words for field in ("rule", "inside") for rule, words in RULES.items()},
    **{f"rounding.{rounding}": words for rounding, words in ROUNDINGS.items()},
    "credit.yes": N_("yes"),
    **{
        f"{field.name}.{value}": words
        for kind in (LICENCES, RETAILERS, SKUS)
        for field in kind.fields
        if isinstance(field.form, Choice)
        for value, words in zip(field.form.options, field.form.labels, strict=True)
    },
    **{
        f"{field}.{number}": day
        for field in ("opens_weekday", "closes_weekday")
        for number, day in enumerate(WEEKDAYS, start=1)
    },
}
FORM_WORDS = FormWords(things=THINGS, fields=FIELDS, choices=CHOICES)
