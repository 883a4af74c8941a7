"""What the tablet says, by the names that its scripts use; fields in braces are filled in there."""

from contract.errors import TEXTS, WORDS
from contract.texts import Language, translations
from server.kit.marking import N_

OWN_NAMES: dict[Language, str] = {"zh": "中文", "en": "English"}

SAID: dict[str, str] = {
    "title": N_("Ordering tablet"),
    "language": N_("Language"),
    "no_script": N_("This page needs JavaScript. Switch it on in the browser, or ask the distributor for a terminal."),
    "rooms": N_("Pages"),
    "order": N_("Order"),
    "results": N_("Results"),
    "notices": N_("Notices"),
    "tablet": N_("Tablet"),
    # enrolment
    "enrol": N_("Enrol this tablet"),
    "enrol_how": N_("Type the code that the distributor gave you. It is good once, and for 15 minutes."),
    "code": N_("Enrolment code"),
    "enrol_refused": N_("The distributor turned this tablet away: {reason}"),
    "enrol_expired": N_("Nobody confirmed this tablet in time. Ask the distributor for a new code."),
    "compare": N_("Read these digits to the distributor"),
    "compare_how": N_("He compares them with his own and lets the tablet in. Leave this page open meanwhile."),
    "compare_wait": N_("Waiting for the distributor, until {at}."),
    "other_shop": N_("The code is for another shop"),
    "other_shop_why": N_(
        "This tablet holds what {before} ordered and read; the code is for {now}. Go on only if nothing of it is"
        " needed here any more: what still waits would never be sent."
    ),
    "clear_and_go": N_("Clear it and go on as {now}"),
    "revoked": N_("This tablet was shut out"),
    "revoked_why": N_("It has stopped. What waits is kept here, and goes out once the tablet is enrolled again."),
    "enrol_again": N_("Enrol again"),
    # the line
    "connected": N_("Connected"),
    "connecting": N_("Connecting"),
    "offline": N_("No connection"),
    "trouble": N_("The server says no"),
    "waits": N_("{count} waiting"),
    "no_line_now": N_("The server cannot be reached. Look at the network; nothing was used up."),
    "server_fault": N_("The server cannot answer just now. It is tried again by itself."),
    "no_line": N_("No connection. What you do is kept on this tablet and goes out by itself."),
    "line_on": N_("The tablet speaks with the distributor."),
    "line_unknown": N_("The distributor has not answered yet."),
    "left": N_("Closes in"),
    "days_and": N_("{days} d {clock}"),
    # ordering
    "goods": N_("Goods"),
    "find": N_("Find goods"),
    "no_window": N_("No ordering just now"),
    "no_window_why": N_("The distributor has announced no window. It shows here by itself."),
    "opens": N_("opens at {at}"),
    "suspended": N_("This shop is suspended: {reason}"),
    "price": N_("{price} · boxes of {pack} {unit}"),
    "limit": N_("at most {units}"),
    "scarce": N_("Scarce: it is shared out"),
    "unsupplied": N_("No supply so far; you may ask for it"),
    "not_licensed": N_("This shop has no licence for it"),
    "less": N_("A box less of {name}"),
    "more": N_("A box more of {name}"),
    "amount": N_("Units of {name}"),
    "your_order": N_("Your order"),
    "lines": N_("Kinds"),
    "sum": N_("Sum"),
    "credit": N_("Credit"),
    "over_credit": N_("The sum is above your credit; the distributor would refuse it."),
    "submit": N_("Submit the order"),
    "submit_change": N_("Submit the change"),
    "withdraw": N_("Withdraw the order"),
    "too_long": N_("The order has too many lines for one message. Take some out."),
    "act_kept": N_("{name}: waiting. Kept on this tablet; it goes out once there is a connection, and counts then."),
    "act_sent": N_("{name}: waiting for the distributor's receipt."),
    "act_received": N_("{name}: received as order #{number}, {at}."),
    "act_withdrawn": N_("{name}: the withdrawal was received."),
    "act_refused": N_("{name}: refused. {why}"),
    # results
    "no_results": N_("Nothing was shared out yet."),
    "released": N_("Released {at}"),
    "corrected": N_("Corrected {at}: {why}"),
    "wished_granted": N_("asked {wished} · granted {granted}"),
    "before": N_("Before the correction it was {units}."),
    "why_filled": N_("There was enough: you got all that you asked for."),
    "why_capped": N_("Up to {eligible_units} could be counted for your shop, and all of that was granted."),
    "why_supply": N_(
        "There were {supply_units} for {asked_units} asked. Every shop was filled to the same share of its weight,"
        " as far as whole boxes allow."
    ),
    "why_credit": N_("Your credit was used up before this line was full."),
    "why_quota": N_("The share set aside for your group of shops was used up."),
    "why_lottery": N_(
        "There were {supply_units} for {asked_units} asked. The last boxes were drawn by lot, and it fell to others."
    ),
    "why_floor": N_("You got the least that every shop is owed; your weight alone would have given less."),
    "why_ineligible": N_("On the day of sharing out, this item could not be granted to your shop."),
    "why_priority": N_("By the published rules another group of shops is served first, and it took what there was."),
    "why_adjusted": N_("Two persons at the distributor decided this line by hand; ask them why."),
    "why_other": N_("The reason is called {reason}. The distributor can tell you what it means."),
    "barred_standing": N_("On the day of sharing out, your shop was suspended."),
    "barred_withdrawn": N_("This item was withdrawn between your order and the day of sharing out."),
    "barred_licence": N_("On the day of sharing out, your shop held no valid licence for this kind of goods."),
    "barred_pack": N_("What could be counted for your shop came to less than the smallest box of this item."),
    # notices
    "no_notices": N_("There is no notice."),
    "withdrawn_notice": N_("Taken back {at}: {why}"),
    "attachments": N_("It has attachments, which a tablet does not show. Ask the distributor for them."),
    "meeting_elsewhere": N_("Whether somebody comes is said on the shop's terminal, or to the distributor."),
    # surveys
    "survey_until": N_("Survey, open until {at}"),
    "survey_elsewhere": N_(
        "It asks for amounts or tables, which this tablet cannot do. Answer it on the shop's terminal, or ask"
        " the distributor."
    ),
    "question_elsewhere": N_("This tablet takes no photos, amounts or tables; the question is left out."),
    "survey_anonymous": N_("Anonymous: the distributor sees that this shop answered, and never what it answered."),
    "survey_send": N_("Send the answers"),
    "survey_thanks": N_("You have answered."),
    "may_be_left_out": N_("(may be left out)"),
    "limits": N_("({least} to {most})"),
    "answer_unfit": N_("This answer is missing, or not within the limits."),
    "read": N_("I have read this"),
    "read_already": N_("You have said that you read this."),
    # the tablet
    "this_tablet": N_("This tablet"),
    "not_persisted": N_(
        "The browser may clear what is kept here when it runs out of room. Add this page to the home screen, or allow"
        " it to keep data."
    ),
    "has_no_page_for": N_(
        "This tablet has no page for deliveries, stock, complaints, scores and meetings. The shop's terminal has them;"
        " without one, ask the distributor."
    ),
    "queue": N_("Waiting to be received"),
    "queue_empty": N_("Everything was received."),
    "refusals": N_("Refused"),
    "dealt_with": N_("Dealt with"),
    "waiting": N_("waiting"),
    "received": N_("received"),
    "refused": N_("refused by the distributor"),
    "refused_code": N_("The distributor refused it ({code})."),
    "shop": N_("Shop"),
    "device": N_("Name of the tablet"),
    "certificate_until": N_("Certificate until"),
    "version": N_("Version"),
    "kind_order_place": N_("Order"),
    "kind_order_amend": N_("Change of an order"),
    "kind_order_cancel": N_("Withdrawal of an order"),
    "kind_command_state": N_("Answer to a command"),
    "kind_announcement_displayed": N_("Notice was shown"),
    "kind_announcement_read": N_("Notice was read"),
    "kind_survey_answer": N_("Answers to a survey"),
}


def spoken(language: Language) -> dict[str, dict[str, str]]:
    """Return all that the tablet says in a language: its own words, why something is refused, words in refusals."""
    own, contract = translations("server", language).gettext, translations("contract", language).gettext
    return {
        "words": {name: own(text) for name, text in SAID.items()} | {"own_name": OWN_NAMES[language]},
        "refusals": {code: contract(text) for code, text in TEXTS.items()},
        "terms": {word: contract(text) for word, text in WORDS.items()},
    }
