"""What callers say, and what they mean. Text in, meaning out; no network, no characters compared: only sounds."""

from __future__ import annotations

from routing.intent.understanding import Meaning, Understanding

__all__ = ["Meaning", "Understanding", "load_understanding"]


def load_understanding() -> Understanding:
    """Reads phrases, topics, answers and weights. Raises :class:`datafile.DataFileError` or
    :class:`routing.intent.model.WeightsError` with one line for the operator. Takes about a third of a second."""
    from routing.intent.answers import Answers
    from routing.intent.features import Ear
    from routing.intent.model import Model
    from routing.intent.phrasebook import PhraseBook
    from routing.intent.syllables import sounds

    table = sounds()
    book = PhraseBook(table)
    ear = Ear(table, book)
    return Understanding(table, book, Model.load(ear.names, len(book.topics)), Answers(table), ear)
