"""Is an answer an answer? Checked before it is queued; the server checks again."""

from contract.errors import Rejected
from contract.feed import Question
from contract.messages import Answer


def check_answer(question: Question, answer: Answer | None) -> None:
    """Refuse a missing or impossible answer.

    Raises
    ------
    Rejected
        ``answer_missing`` or ``answer_invalid``, naming the question.
    """
    if answer is None or not _given(question, answer):
        if question.required:
            raise Rejected("answer_missing", question=question.id)
        return
    known = {choice.id for choice in question.choices}
    if set(answer.choices) - known or (question.kind == "single" and len(answer.choices) > 1):
        raise Rejected("answer_invalid", question=question.id, what=", ".join(answer.choices))
    if answer.number is not None:
        low, high = question.low, question.high
        if (low is not None and answer.number < low) or (high is not None and answer.number > high):
            raise Rejected("answer_invalid", question=question.id, what=str(answer.number))


def _given(question: Question, answer: Answer) -> bool:
    match question.kind:
        case "single" | "multiple":
            return bool(answer.choices)
        case "scale" | "number":
            return answer.number is not None
        case "text":
            return bool(answer.text and answer.text.strip())
