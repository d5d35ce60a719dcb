"""The catalogues of both programs: every text in both languages, with the same facts, and a number's own form."""

import re
from gettext import c2py
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from collector.console.catalogue import CODES, LANGUAGES, PAGES, SERVERS, Catalogue, Words
from trainer.web import words

ALL = [CODES, SERVERS, PAGES, words.PAGES]
NAMES = ["codes", "servers", "pages", "trainer"]
OWN_FACTS = {"place", "problem_method", "problem_no_picture"}  # 1st, 1着; a detail of a program's that is English


def _messages(catalogue: Catalogue, language: str) -> Catalog:
    with catalogue.path(language).open("rb") as file:
        return read_po(file, abort_invalid=True)


def _facts(text: str) -> set[str]:
    return {name.partition(".")[0] for _, name, *_ in Formatter().parse(text) if name}


@pytest.mark.parametrize("catalogue", ALL, ids=NAMES)
def test_both_languages_have_the_same_texts(catalogue: Catalogue) -> None:
    english, japanese = (catalogue.read(language) for language in LANGUAGES)
    assert list(english) == list(japanese)
    assert english.countable == japanese.countable
    assert not english.keys() & english.countable
    assert all([*english.values(), *japanese.values()])
    assert not (english.keys() | english.countable) & set(dir(Words)), "a template would get the method"


@pytest.mark.parametrize("catalogue", ALL, ids=NAMES)
def test_both_languages_say_the_same_facts(catalogue: Catalogue) -> None:
    english, japanese = (catalogue.read(language) for language in LANGUAGES)
    assert [key for key in english.keys() - OWN_FACTS if _facts(english[key]) != _facts(japanese[key])] == []
    for key in english.countable:
        facts = [_facts(words.form(key, count)) for words in (english, japanese) for count in (1, 2)]
        assert "count" in facts[0]
        assert all(found == facts[0] for found in facts), key


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("catalogue", ALL, ids=NAMES)
def test_a_file_names_its_language_and_has_each_key_once(catalogue: Catalogue, language: str) -> None:
    messages = _messages(catalogue, language)
    assert str(messages.locale) == language
    keys = re.findall(r'^msgid "(.+)"$', catalogue.path(language).read_text(), re.MULTILINE)
    assert len(keys) == len(set(keys)) == len(messages)
    assert not list(messages.obsolete)
    assert not [message.id for message in messages if message.id and message.fuzzy]
    forms = {c2py(messages.plural_expr)(count) for count in range(200)}
    assert forms == set(range(messages.num_plurals))


@pytest.mark.parametrize("catalogue", [PAGES, words.PAGES])
def test_a_server_says_what_both_say_and_its_own_and_no_key_twice(catalogue: Catalogue) -> None:
    own, both = (_messages(its, "en") for its in (catalogue, SERVERS))
    every = catalogue.read("en")
    assert len(every) + len(every.countable) == len(own) + len(both)
    assert every["skip"] == "To the content"
    assert every.counted("horse_count", 1) == "1 horse"


def test_a_text_that_is_not_there_is_an_error() -> None:
    english = PAGES.read("en")
    with pytest.raises(KeyError):
        english["photos_of"]  # it depends on a number
    with pytest.raises(KeyError):
        english.counted("title", 2)


@given(st.integers(0, 10**9))
def test_english_has_a_form_for_one_and_japanese_has_none(count: int) -> None:
    english, japanese = (PAGES.read(language).counted("photos_of", count) for language in LANGUAGES)
    assert english == (f"{count:,} photo" if count == 1 else f"{count:,} photos")
    assert japanese == f"写真{count:,}枚"
