"""Is an answer an answer? Checked before it is queued; the server checks again, by the same rule."""

from contract.asking import says_something
from contract.errors import Rejected
from contract.feed import Question
from contract.fitting import misfit
from contract.messages import Answer


def check_answer(question: Question, answer: Answer | None) -> None:
    """Refuse a missing or impossible answer.

    Raises
    ------
    Rejected
        ``answer_missing`` or ``answer_invalid``, naming the question.
    """
    if answer is None or not says_something(answer):
        if question.required:
            raise Rejected("answer_missing", question=question.id)
        return
    wrong = misfit(question, answer)
    if wrong is not None:
        raise Rejected("answer_invalid", question=question.id, what=wrong)
