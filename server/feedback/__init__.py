"""Complaints, suggestions and questions of shops: a number, a deadline, a person, an answer.

Nothing is closed unanswered. A complaint about an employee is seen by administrators only.
"""
