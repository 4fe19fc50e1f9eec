"""Ask what a reader answers from memory, at the end of a chapter."""

from docs.shown.repository import CannotShow, read_toml
from docs.shown.text import with_code


def questions(chapter):
    """
    Ask what questions/<chapter>.toml holds, as a form that quiz.js makes alive.

    Without it, each answer stands folded below its question.
    """
    source = f"docs/questions/{chapter}.toml"
    asked = read_toml(source)["question"]
    for number, each in enumerate(asked, 1):
        if each["right"] not in range(len(each["choices"])):
            raise CannotShow(f"{source}: question {number} has no right choice.")
        wrong = [place != each["right"] for place in range(len(each["choices"]))]
        if [bool(hint) for hint in each["hints"]] != wrong:
            words = "needs a hint for each wrong choice, and none for the right one"
            raise CannotShow(f"{source}: question {number} {words}.")
    shown = (in_html(chapter, *each) for each in enumerate(asked, 1))
    # Markdown ends a block of HTML at an empty line.
    return f'<div class="quiz" markdown="0">\n{"".join(shown)}</div>\n'


def in_html(chapter, number, question):
    """Write a question as a group of radio buttons, and its answer below it."""
    name = f"{chapter}-question-{number}"
    choices = "".join(
        f'<label><input type="radio" name="{name}" value="{value}"> '
        f"<span>{with_code(text)}</span></label>\n"
        for value, text in enumerate(question["choices"])
    )
    # A template is no part of the page, until quiz.js takes a hint out of it.
    hints = "".join(
        f'<template data-hint="{value}">{with_code(text)}</template>\n'
        for value, text in enumerate(question["hints"])
        if text
    )
    right = with_code(question["choices"][question["right"]])
    told = question["told"].replace(".md", ".html")
    return (
        f'<form class="question" data-right="{question["right"]}">\n<fieldset>\n'
        f"<legend>{number}. {with_code(question['asks'])}</legend>\n{choices}{hints}"
        f"<details><summary>Answer</summary>\n"
        f"<p><strong>{right}</strong></p>\n<p>{with_code(question['why'])} "
        f'<a href="{told}">Where this is told</a></p>\n</details>\n'
        "</fieldset>\n</form>\n"
    )
