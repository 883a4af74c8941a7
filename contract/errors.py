"""Refusals in four families, by what the caller does next, and the stable codes with their texts.

A code never changes its meaning. Texts are English message ids with named parameters; other languages
stand in ``contract/locale``. The mapping to HTTP and to receipts stands in one place each, on the server.
"""

from typing import ClassVar


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a failure of the program
    """What the other side is told: a stable code and the parameters of its text.

    Raises ``KeyError`` where the code is not in :data:`TEXTS`: an unknown code is a defect of ours.
    """

    family: ClassVar[str]

    def __init__(self, code: str, **params: str | int) -> None:
        self.code = code
        self.params = params
        super().__init__(TEXTS[code].format_map(_Shown(params)))


class Rejected(Refusal):
    """Explain, do not retry."""

    family = "rejected"


class Conflict(Refusal):
    """Refresh, then decide again."""

    family = "conflict"


class Unavailable(Refusal):
    """Retry later: nothing was decided."""

    family = "unavailable"


class Revoked(Refusal):
    """Stop, and enrol again."""

    family = "revoked"


class _Shown(dict[str, str | int]):
    """Leaves a missing parameter visible instead of failing while a refusal is told."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def _(text: str) -> str:
    """Mark ``text`` for extraction."""
    return text


TEXTS: dict[str, str] = {
    # envelope and transport
    "malformed": _("The message could not be read: {where}: {what}."),
    "list_too_long": _(
        "The list has more than {most} rows, too many for a spreadsheet. Take it as CSV, or narrow it by a search."
    ),
    "too_large": _("The message has {size} bytes; at most {limit} are taken. Split it into smaller parts."),
    "unsupported": _("This server does not know messages of kind {kind}, version {version}. Update the server."),
    "wrong_device": _("The message names device {named}, but was sent by {device}."),
    "id_reused": _("The number {id} was already used for another message. Nothing was changed."),
    "unavailable": _("The server cannot answer just now. It will be tried again."),
    "rate_limited": _("Too many requests. Try again in {seconds} s."),
    # devices
    "not_enrolled": _("This terminal is not enrolled here. Ask the distributor for a code."),
    "device_revoked": _("This terminal was revoked. Ask the distributor for a new code."),
    "request_unsigned": _("The request is not signed as it must be: {why}."),
    "request_repeated": _("This request was already taken. Sign it anew."),
    "clock_off": _("The clock is too far from the server's, which says {server_s} s since 1970. Sign with its time."),
    "certificate_expired": _("This terminal's certificate is over. It renews it by itself."),
    "authority_rotating": _("An earlier authority is still believed. Retire it first."),
    "authority_needed": _("The authority is still needed: {devices} terminals have no other certificate."),
    "csr_invalid": _("The signing request cannot be used: {why}."),
    "enrolment_unknown": _("No terminal waits with the fingerprint {fingerprint}. Perhaps it was decided meanwhile."),
    "enrolment_over": _("The terminal with the fingerprint {fingerprint} has waited too long. It needs a new code."),
    "enrolment_refused": _("The distributor refused this terminal: {reason}"),
    "code_unknown": _("There is no such code. Check each character, or ask for a new one."),
    "code_expired": _("The code expired at {at}. Ask for a new one."),
    "code_used": _("The code was already used. Ask for a new one."),
    # settings, commands, rollouts
    "setting_held": _("The distributor has set {name}. It cannot be changed here."),
    "setting_unknown": _("There is no setting {name}. Known: {known}."),
    "setting_value": _("{name} cannot be {value}. Possible: {possible}."),
    "command_unknown": _("A terminal cannot be asked for {name}. Known: {known}."),
    "command_params": _("{name} takes {wanted}, and nothing else."),
    "command_time": _("A command holds from {least} to {most} minutes."),
    "commands_full": _("Terminal {name} has {most} open commands. Wait until some are answered, or call them back."),
    "rollout_name": _("A rollout has a name."),
    "rollout_empty": _("No terminal fits. Choose others."),
    "rollout_list": _("A list of terminals stays as it is: terminals join a rollout by what is asked of them alone."),
    "rollout_rings": _("Rings are 1 to {most} shares in per cent that rise to 100."),
    "rollout_range": _("{name} is {value}; it goes from {least} to {most}."),
    # stock of a shop
    "not_a_day": _("{day} is not a day. Type year, month and day as six digits: 270321 is 2027-03-21."),
    # orders
    "unknown_window": _("There is no such ordering window for this shop."),
    "window_not_open": _("Ordering opens at {opens_at}."),
    "window_closed": _("Ordering closed at {closed_at}."),
    "empty_order": _("The order has no lines."),
    "already_submitted": _("This order was submitted already. It stands under My orders."),
    "already_ordered": _("This order was submitted already: it is order #{number}, under My orders."),
    "duplicate_line": _("{sku} stands in the order twice. Put it on one line."),
    "unknown_sku": _("{sku} is not in the catalogue."),
    "not_licensed": _("{sku} needs a licence of class {licence_class}, which this shop does not hold on {on}."),
    "licence_suspended": _("{sku} needs a licence of class {licence_class}; this shop's is suspended."),
    "suspended": _("This shop's standing does not allow orders: {why}."),
    "shop_closed": _("This shop is closed since {on}: {why}. It takes no orders any more."),
    "not_whole_packs": _("{sku} comes in packs of {pack_units}; {quantity} is not whole packs. Possible: {offers}."),
    "below_minimum": _("The smallest order of {sku} is {minimum}; {quantity} is below it. Possible: {offers}."),
    "above_limit": _("At most {limit} of {sku} can be ordered; {quantity} is above it. Possible: {offers}."),
    "minimum_above_limit": _("The smallest order of {sku}, {minimum}, is above your limit, {limit}."),
    "credit_exceeded": _("The order comes to {amount}; the credit left is {credit}."),
    "unknown_order": _("There is no such order."),
    "order_changed": _("The order was changed meanwhile: it stands at version {revision}. Look at it again."),
    "order_cancelled": _("The order was cancelled."),
    # deliveries
    "unknown_delivery": _("There is no such delivery for this shop."),
    "already_confirmed": _("The delivery was already confirmed at {at}."),
    "line_missing": _("{sku} was shipped and is not confirmed. Confirm every line."),
    "line_twice": _("{sku} was counted twice. Put it on one line."),
    "unknown_line": _("{sku} is not on this delivery. Report it as a wrong item on the line it replaces."),
    "counts_differ": _("{sku}: shipped {shipped}, but the counts given make {counted}. Check the line."),
    "reason_missing": _("{sku}: this differs from what is on record. Say why."),
    "units_wrong": _("{sku}: {units} is no number of units for this entry. Correct it."),
    "count_differs": _("{sku}: the count differs from the book. Look at it once more, then confirm."),
    "nothing_counted": _("Nothing was counted yet."),
    "stock_short": _("{sku}: {taken} cannot be taken away, {there} are there."),
    "nothing_free": _("Nothing is on hand that is not reserved already. Enter receipts first."),
    "remedy_unfit": _("{sku}: this claim cannot be made good in this way. Choose another one, or none."),
    "replacement_due": _("{sku}: the goods leave with the next dispatch. The claim is settled by that."),
    # surveys and announcements
    "unknown_survey": _("There is no such survey for this shop."),
    "survey_closed": _("The survey closed at {closed_at}."),
    "answer_missing": _("Question {question} needs an answer."),
    "answer_invalid": _("Question {question}: {what}."),
    "answer_not_asked": _("Question {question} is not asked after the other answers. Leave it out."),
    "answer_not_blinded": _("An anonymous survey takes only answers that are protected. Update the terminal."),
    "anonymous_unfit": _("An answer does not fit its question. What was answered is not kept. Go through them again."),
    "survey_full": _("Enough shops have answered: {quota} were wanted of yours. Thank you all the same."),
    "already_answered": _("The survey was already answered."),
    "unknown_announcement": _("There is no such announcement for this shop."),
    "announcement_withdrawn": _("The announcement was taken back."),
    "no_meeting": _("The announcement invites to no meeting."),
    "meeting_called_off": _("The meeting was called off."),
    "registration_over": _("Registrations were taken until {until}."),
    "attachment_unknown": _("There is no such attachment for this shop."),
    # forecasts
    "unknown_class": _("There is no class {product_class} in the catalogue."),
    "period_begun": _("{period} has begun: a figure for it was taken until then, and stays as it is."),
    "period_far": _("{period} is too far ahead: figures are taken for whole months up to {last}."),
    # scores and appeals
    "unknown_scores": _("There are no published scores number {run}."),
    "not_scored": _("This shop is not among the scores number {run}."),
    "unknown_part": _("These scores have no part {component} of this shop."),
    "already_appealed": _("An appeal against this part of scores {run} is open already: number {number}."),
    "appeals_over": _(
        "Appeals against these scores were taken until {until}. Call the distributor: a figure that is wrong can"
        " still be corrected, and counts from the next scores on."
    ),
    "appeal_days": _("Appeals are taken for {least} to {most} days after the day of publication."),
    "correction_late": _("{month} does not count in these scores: only months before {as_of} do."),
    "correction_parts": _("{month}: {part} cannot be a part of {whole}."),
    "own_publication": _("{name} published these scores. Another person answers appeals against them."),
    "no_remedy": _("An upheld appeal names what is changed: figures that are corrected, or a decision that ends."),
    "remedy_of_another": _("{what} {name} is not of this shop."),
    "nothing_corrected": _("{month} {product_class} stands at these figures already."),
    "scores_replaced": _("Scores {run} are not in force any more. The corrected figures count in the next scores."),
    "nothing_to_correct": _("No upheld appeal against scores {run} has corrected a figure since they were computed."),
    # complaints, suggestions, questions
    "unknown_feedback": _("There is no such complaint, suggestion or question of this shop."),
    "feedback_about": _("There is no {what} {name} of this shop. Choose another one, or leave it out."),
    "feedback_empty": _("It holds no words. Say in a sentence what it is about."),
    "feedback_not_closed": _("#{number} is not closed. How well it was done is said once it is."),
    "feedback_rated": _("How well #{number} was done was said already."),
    "feedback_unanswered": _("#{number} has no answer. Nothing is closed unanswered."),
    "feedback_open": _("#{number} is not answered yet. It can be reopened once it is."),
    "feedback_reopened": _(
        "#{number} was looked at again already, as often as it can be. Send a new one that names it."
    ),
    "unknown_code": _("Nothing was said under this code. Look at each letter and digit again."),
    "feedback_own": _("A complaint about yourself is another person's: neither enter it nor hand it out."),
    "feedback_decision": _(
        "#{number} disputes what was decided: say with the answer whether it is upheld or dismissed."
    ),
    "feedback_remedy": _(
        "#{number} is about a grant: where it is upheld, say with the answer how it is made good, by a credit or not at"
        " all with a reason."
    ),
    "feedback_proposed": _("#{number} has an answer that waits for a second person. Confirm it or hand it back first."),
    "credit_units": _(
        "{units} units of {sku} cannot be credited: at most {most} can, what was asked for, not granted and not"
        " credited yet."
    ),
    "feedback_paused": _("#{number} waits already. Let its clock go on before anything else is done with it."),
    "archive_anothers": _("{name} asked for this archive and takes it away. Ask for one of your own."),
    "terms_day": _("{day} is no day. Write days like 2027-10-01, one a line."),
    "terms_hours": _("Work that begins at {opens} and ends at {closes} leaves no time. Let it end later."),
    "terms_day_short": _(
        "The working day is too short: {hours} hours would take more than {most} working days. Let it end later."
    ),
    "terms_range": _("{number} is out of range: from 1 to {most}; days and reopenings may be 0."),
    "terms_person": _("{name} cannot answer complaints, or is shut out. Choose another person."),
    "terms_too_many": _("At most {most} are taken here."),
    "feedback_reopen_over": _("#{number} could be reopened until {until}. Send a new one that names it."),
    # photos
    "photo_unknown": _("No message of this shop names this photo."),
    "photo_too_many": _("{most} photos are taken here. Take one away first."),
    "photo_too_large": _("The photo has {size} bytes; at most {limit} are taken."),
    "photo_no_picture": _("This is no photo: JPEG, PNG or WebP, up to {side} pixels a side."),
    "photo_damaged": _("The photo did not arrive as it was sent. It is sent again from its beginning."),
    "photos_full": _("The distributor keeps {limit} MB of photos of a shop, and that is full. Describe it in words."),
    "photo_deleted": _("The distributor has deleted this photo."),
    # operators and their work
    "sign_in_failed": _("Name or password is wrong."),
    "name_invalid": _("A name has 1 to {maximum} characters, none of them a colon."),
    "link_spent": _("The sign-in link was used before or is too old. Ask an administrator for a new one."),
    "password_short": _("The password has {length} characters; it needs at least {minimum}."),
    "password_long": _("The password has {length} characters; at most {maximum} are taken."),
    "password_common": _("This password is easy to guess. Three or four words that do not belong together are better."),
    "password_wrong": _("The present password is wrong."),
    "last_administrator": _("{name} is the last administrator. Make another person administrator first."),
    "signed_out": _("You are signed out. Sign in again; what you typed is kept."),
    "not_allowed": _("Your role does not allow this: it needs {role}."),
    "second_factor_wrong": _("The code is wrong or was used already. Take the next one of your app."),
    "passkey_wrong": _("This passkey was not accepted. Try it again, or sign in with your password."),
    "second_factor_needed": _("Your roles need a second factor. Set it up under My account first."),
    "whole_network": _("This concerns the whole network. Your access is bound to some regions or classes of shops."),
    "scopes_needed": _("Tick at least one part of the interface that the token reaches."),
    "events_needed": _("Tick at least one event."),
    "webhook_address": _("{url} cannot be told: it takes an https address that everybody can reach."),
    "scope_missing": _("This token does not reach that far: it needs the scope {scope}."),
    "out_of_bounds": _("This would touch a shop outside of your regions or classes. Nothing was written."),
    "own_superior": _("Nobody is their own superior. Choose another person."),
    "same_person": _("A second person must do this: {name} already did the first step."),
    "decision_dates": _("A decision holds from its first day to the day before its end: {until} is not after {since}."),
    "decision_end": _(
        "The decision holds from {since} to before {until}. It can end early from {today} on, before that."
    ),
    "decision_tier": _("Lowering names the best tier allowed, from 1 to {most}; a suspension names none."),
    "licence_file_open": _("File #{number} about this licence is open already. Decide or withdraw it first."),
    "wrong_state": _("This cannot be done now: it stands at {state}, and needs {needed}."),
    "not_found": _("There is no {what} {name}."),
    "already_exists": _("{what} {name} exists already."),
    "changed_meanwhile": _("{name} was changed meanwhile. Load it again, look at it, then decide again."),
    "form_used": _(
        "This form was sent before, with something else in it, and was done then. Load the page again, and change"
        " there what is to be changed."
    ),
    "invalid": _("{where}: {what}."),
    "forged_request": _("The page was too old or came from elsewhere. Load it again and repeat the step."),
}

#: Words that stand in the parameters ``what``, ``state``, ``needed`` and ``role``, several divided by `` / ``.
WORDS: dict[str, str] = {
    "administrator": _("administrator"),
    "planner": _("planner"),
    "releaser": _("releaser"),
    "dispatcher": _("dispatcher"),
    "auditor": _("auditor"),
    "fleet": _("fleet administrator"),
    "accepted": _("accepted"),
    "announced": _("announced"),
    "approved": _("approved"),
    "called_off": _("called off"),
    "cancelled": _("cancelled"),
    "closed": _("closed"),
    "timed_out": _("timed out"),
    "rejected": _("rejected"),
    "interrupted": _("interrupted"),
    "succeeded": _("succeeded"),
    "running": _("running"),
    "in_progress": _("in progress"),
    "halted": _("halted"),
    "expired": _("expired"),
    "completed": _("completed"),
    "confirmed": _("confirmed"),
    "history": _("history"),
    "release": _("release of the terminal's software"),
    "metadata": _("description of releases"),
    "no history": _("no history"),
    "export": _("archive"),
    "note": _("note"),
    "figure": _("figure"),
    "part": _("part of the e-file"),
    "waiting": _("waiting"),
    "working": _("working"),
    "declined": _("declined"),
    "disabled": _("disabled"),
    "done": _("done"),
    "draft": _("draft"),
    "enabled": _("enabled"),
    "failed": _("failed"),
    "frozen": _("frozen"),
    "held": _("held"),
    "in_review": _("in review"),
    "open": _("open"),
    "proposed": _("proposed"),
    "publication": _("publication"),
    "published": _("published"),
    "refused": _("refused"),
    "released": _("released"),
    "sent": _("sent"),
    "settled": _("settled"),
    "shipped": _("shipped"),
    "solved": _("solved"),
    "upheld": _("upheld"),
    "dismissed": _("dismissed"),
    "received": _("received"),
    "looked_at": _("being looked at"),
    "explained": _("explained"),
    "watched": _("kept watch on"),
    "passed_on": _("passed on"),
    "finding": _("signal"),
    "withdrawn": _("withdrawn"),
    "over": _("over"),
    "appeal": _("appeal"),
    "answered": _("answered"),
    "feedback": _("complaint, suggestion or question"),
    "end of a decision": _("end of a decision"),
    "verified": _("verified"),
    "stopped": _("stopped"),
    "granted": _("granted"),
    "taken back": _("taken back by a correction"),
    "scope": _("scope"),
    "check": _("check of the audit"),
    "idle": _("at rest"),
    "checking": _("being checked"),
    "storing": _("being stored"),
    "none": _("none"),
    "event": _("event"),
    "message": _("message"),
    "active": _("active"),
    "SKU": _("SKU"),
    "agreed": _("agreed"),
    "agreed figure": _("agreed figure"),
    "announcement": _("announcement"),
    "claim": _("claim"),
    "command": _("command"),
    "rollout": _("rollout"),
    "class": _("class"),
    "count": _("count"),
    "cycle": _("cycle"),
    "decision": _("decision"),
    "delivery": _("delivery"),
    "device": _("device"),
    "forecast": _("forecast"),
    "kind of import": _("kind of import"),
    "licence": _("licence"),
    "licence file": _("licence file"),
    "inspected": _("inspected"),
    "signed": _("signed"),
    "valid": _("valid"),
    "suspended": _("suspended"),
    "inspector": _("licence inspector"),
    "regional": _("regional manager"),
    "limit": _("limit"),
    "line": _("line"),
    "manual decision": _("manual decision"),
    "operator": _("operator"),
    "order": _("order"),
    "passkey": _("passkey"),
    "photo": _("photo"),
    "policy": _("policy"),
    "report": _("report"),
    "score policy": _("score policy"),
    "score run": _("score run"),
    "result": _("result"),
    "retailer": _("retailer"),
    "role": _("role"),
    "schedule": _("schedule"),
    "supply": _("supply"),
    "token": _("token"),
    "paused": _("paused"),
    "attachment": _("attachment"),
    "visit": _("visit"),
    "promise": _("promise"),
    "stop": _("stop on a visit plan"),
    "visit rules": _("visit rules"),
    "visit rule": _("visit rule"),
    "no rules": _("no rules for visits"),
    "rules": _("rules for visits"),
    "visit plan": _("visit plan"),
    "manager": _("customer manager"),
    "day": _("day"),
    "made": _("made"),
    "planned": _("planned"),
    "survey": _("survey"),
    "terminal": _("terminal"),
    "group of terminals": _("group of terminals"),
    "alert": _("alert"),
    "rule of alerts": _("rule of alerts"),
    "rules of alerts": _("rules of alerts"),
    "webhook": _("webhook"),
    "uploaded file": _("uploaded file"),
    "what-if": _("what-if"),
    "policy change": _("change of a policy"),
    "difference": _("difference in the own stock"),
    "number too large": _("a number is too large to be kept"),
    "unkeepable": _("a value holds what cannot be kept, such as a zero byte"),
    "no cursor": _("this is no cursor of this list; begin without one"),
    "key unfit": _("a key has 1 to 255 printable ASCII characters"),
    "window": _("window"),
    "file of the tablet": _("file of the tablet"),
}
