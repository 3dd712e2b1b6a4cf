"""Every story is about checks that exist, ends in green, and can be found by the names it is called by."""

from __future__ import annotations

import pytest

from pytest_substrate.embedded.replay import chapter_name, find_chapter, find_story, stories
from pytest_substrate.embedded.replay.story import Chapter, Story
from pytest_substrate.model.errors import BadInput
from pytest_substrate.planes.catalogue import catalogue
from pytest_substrate.planes.documentation import own_causes, shared_slugs

TELLINGS = [
    pytest.param(story, variant, id=f"{story.incident}-{variant}" if variant else story.incident)
    for story in stories().values()
    for variant in (None, *story.variants)
]


@pytest.mark.parametrize(("story", "variant"), TELLINGS)
def test_a_story_goes_from_a_first_red_to_green(story: Story, variant: str | None) -> None:
    """It begins red, and only its end is green; what is taken back is no end."""
    _, chapters = find_story(story.incident.lower(), variant)
    assert [True] * (len(chapters) - 1) + [False] == [bool(chapter.expects) for chapter in chapters]
    assert not chapters[-1].taken_back


@pytest.mark.parametrize(("story", "variant"), TELLINGS)
def test_what_is_expected_is_in_the_catalogue(story: Story, variant: str | None) -> None:
    """The check is one of the story's plane, and the cause one that it documents."""
    _, chapters = find_story(story.incident, variant)
    for red in (red for chapter in chapters for red in chapter.expects):
        check = catalogue()[red.check]
        assert story.plane is check.plane
        assert red.cause in {cause.slug for cause in own_causes(check)} | set(shared_slugs(check))
    assert [] == [same.check for same in story.same if same.check not in catalogue()]


@pytest.mark.parametrize(("story", "variant"), TELLINGS)
def test_a_chapter_is_found_by_its_name(story: Story, variant: str | None) -> None:
    """As the platform is told of it."""
    _, chapters = find_story(story.incident, variant)
    found: list[Chapter] = [
        find_chapter(chapter_name(story, variant, number)) for number in range(1, len(chapters) + 1)
    ]
    assert list(chapters) == found


def test_a_story_that_is_not_there_is_bad_input() -> None:
    """With the names that there are."""
    for incident, variant, words in (
        ("E", None, "incident 'E': there is no such story; one of A"),
        ("A", "wishful", "--variant 'wishful': incident A has no such variant; one of administrator"),
    ):
        with pytest.raises(BadInput) as raised:
            find_story(incident, variant)
        assert words in str(raised.value)
    for name in ("A:0", "A:99", "A:", "A", "A:1:2", "A:²"):
        with pytest.raises(BadInput, match="there is no such chapter"):
            find_chapter(name)
