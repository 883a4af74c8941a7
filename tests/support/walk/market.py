"""A survey of the market: a table of statements, prices and shelves of products, an amount, a photo."""

from datetime import timedelta

from till import Till

from contract.feed import Choice, Question, Row, Survey
from walk.acts import Step
from walk.shop import both, new

LEVELS = tuple(
    Choice(id=f"c{number}", text=both(en, zh))
    for number, (en, zh) in enumerate(
        (("content", "满意"), ("rather content", "较满意"), ("neither", "一般"), ("not content", "不满意")), start=1
    )
)
SERVICES = tuple(
    Row(id=f"r{number}", text=both(en, zh))
    for number, (en, zh) in enumerate(
        (
            ("Deliveries come in time", "配送准时"),
            ("Scarce goods are shared out fairly", "紧俏货源分配公平"),
            ("The customer manager listens", "客户经理听取意见"),
            ("The terminal is easy to use", "终端好用"),
            ("Complaints are answered", "投诉有答复"),
        ),
        start=1,
    )
)
GOODS = tuple(
    Row(id=f"p{number}", text=both(en, zh), sku=sku)
    for number, (sku, en, zh) in enumerate(
        (
            ("TEA-250", "Green tea 250 g", "绿茶 250 克"),
            ("RICE-5K", "Rice 5 kg", "大米 5 千克"),
            ("MILK-1L", "Milk 1 l", "牛奶 1 升"),
        ),
        start=1,
    )
)
QUESTIONS = (
    Question(
        id="service",
        kind="matrix",
        text=both("How content are you with us?", "您对我们的服务满意吗？"),
        choices=LEVELS,
        rows=SERVICES,
    ),
    Question(id="price", kind="money", text=both("What do you sell it for?", "您的零售价是多少？"), rows=GOODS),
    Question(id="rent", kind="money", text=both("What is your rent a month?", "每月店租多少？"), low=1),
    Question(id="facings", kind="number", text=both("How many facings has each?", "各陈列几个排面？"), rows=GOODS),
    Question(id="shelf", kind="photo", text=both("Your shelf", "您的货架"), required=False, most=2),
)


def asked(*, anonymous: bool = False) -> Step:
    """Ask in a table, of products, in amounts and with a photo; where it is anonymous, in a table alone."""

    def ask(till: Till) -> None:
        survey = Survey(
            survey=new(till),
            title=both("The market this week", "本周市场信息"),
            intro=both("Two minutes.", "两分钟答完。"),
            state="open",
            closes_at=till.server.now() + timedelta(days=3),
            questions=QUESTIONS[:1] if anonymous else QUESTIONS,
            anonymous=anonymous,
        )
        till.server.tell(f"survey:{survey.survey}", "survey", survey)
        till.things["market"] = survey.survey
        till.hear()

    return ask
