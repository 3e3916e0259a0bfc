"""Which network an object is from, and where that keeps the text, the author and the rest.

Every function returns the same six candidates; `fields` judges them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from contracts.errors import InvalidTweet
from contracts.texts import MAX_ID
from contracts.tweet_objects.html_text import html_to_text

POST: Final = "app.bsky.feed.post"
Object = Mapping[str, Any]

NEEDED: Final = frozenset(
    {
        *("id", "id_str", "text", "full_text", "created_at", "date", "createdAt", "author_id", "user", "author"),
        *("username", "screen_name", "handle", "acct"),
        *("lang", "reach", "note_tweet", "extended_tweet", "retweeted_status", "referenced_tweets", "data", "includes"),
        *("tweet", "did", "kind", "commit", "uri", "record", "value", "post", "reason", "langs", "$type"),
        *("content", "spoiler_text", "reblog", "account", "language"),
    }
)
"""Fields that are read of a tweet; all others are ignored."""


NAMES: Final = ("username", "screen_name", "handle", "acct")
"""Fields with the user name of an author."""
TEXTS: Final = frozenset(
    {"text", "full_text", "note_tweet", "extended_tweet", "retweeted_status", "data", "tweet", "did", "record", "value"}
    | {"post", "content"}
)
"""Fields that may hold the text of an object."""


class Found(NamedTuple):
    """The values of an object, unchanged; None where it has none."""

    identifier: Any
    text: Any
    created_at: Any
    authors: Sequence[Any] = ()
    """Ids of the author, the best first."""
    lang: Any = None
    reaches: Sequence[Any] = ()
    names: Sequence[Any] = ()
    """User names of the author, the best first: who is known only by one."""


def find(tweet: Object) -> Found:
    """What an object of the X API (v1.1, v2, archive), Bluesky or Mastodon holds.

    Raises:
        InvalidTweet: a wrapper with no tweet or with several in it.
    """
    data = tweet.get("data")
    if isinstance(data, list) and "text" not in tweet:
        if len(data) != 1:
            raise InvalidTweet(f"not a tweet: data holds {len(data):,} tweets: send each as a record of its own")
        data = data[0]
    if isinstance(data, dict) and "text" not in tweet:
        return _of_x(data, _dict(tweet.get("includes")))
    if isinstance(tweet.get("tweet"), dict) and "text" not in tweet:  # an item of tweets.js
        return _of_x(tweet["tweet"], {})
    if "did" in tweet and "kind" in tweet:
        return _of_jetstream(tweet)
    if isinstance(tweet.get("post"), dict) and "text" not in tweet:  # an item of a Bluesky feed
        return _reposted(find(tweet["post"]), _dict(tweet.get("reason")))
    record = tweet.get("record") if isinstance(tweet.get("record"), dict) else tweet.get("value")
    if isinstance(record, dict) and "text" not in tweet:
        return _of_bluesky(record, tweet.get("uri"), _dict(tweet.get("author")))
    if tweet.get("$type") == POST:
        return _of_bluesky(tweet, tweet.get("uri", tweet.get("id")), {})
    if _is_mastodon(tweet):
        return _of_mastodon(tweet)
    return _of_x(tweet, _dict(tweet.get("includes")))


def _dict(value: Any) -> Object:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> Iterator[Object]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def first_of(*values: Any) -> Any:
    """The first that is neither None nor an empty string."""
    return next((value for value in values if value is not None and value != ""), None)


def _of_x(tweet: Object, includes: Object) -> Found:
    user, author = tweet.get("user"), tweet.get("author")
    author_id = first_of(tweet.get("author_id"))
    users = [one for one in _objects(includes.get("users")) if _key(one.get("id")) == _key(author_id) is not None]
    people = [_dict(user), _dict(author), *users]
    written = tweet.get("id_str")
    return Found(
        written if isinstance(written, str) and written else tweet.get("id"),
        _x_text(tweet, includes),
        first_of(tweet.get("created_at"), tweet.get("date"), tweet.get("createdAt")),
        (author_id, *(found for one in (user, author) if not is_name(one) for found in _ids(one))),
        tweet.get("lang"),
        (
            tweet.get("reach"),
            *(person.get("followers_count") for person in people),
            *(_dict(person.get("public_metrics")).get("followers_count") for person in people),
        ),
        (*_names(tweet), *(one for person in people for one in _names(person)), *filter(is_name, (user, author))),
    )


def _key(identifier: Any) -> str | None:
    """How ids of one object are compared: a number is its digits, and what is no id is None."""
    if isinstance(identifier, int):
        return str(identifier) if abs(identifier) < 10**MAX_ID else None
    return identifier if isinstance(identifier, str) and identifier else None


def _ids(person: Any) -> tuple[Any, ...]:
    return (person.get("id_str"), person.get("id")) if isinstance(person, dict) else (person,)


def is_name(user: Any) -> bool:
    """Whether `user` or `author` of a flat tweet is a user name: ids of X are digits, those of Bluesky are DIDs."""
    return isinstance(user, str) and not user.strip().isdigit() and not user.startswith("did:")


def _names(person: Object) -> tuple[Any, ...]:
    return tuple(person.get(name) for name in NAMES)


def _x_text(tweet: Object, includes: Object) -> Any:
    """The full text: of a retweet that of what is passed on, of a quote the author's own words.

    A retweet's own text is cut off in the middle, with `RT @name:` before it.
    """
    original = _dict(tweet.get("retweeted_status"))
    if not original:
        references = _objects(tweet.get("referenced_tweets"))
        retweeted = {_key(one.get("id")) for one in references if one.get("type") == "retweeted"} - {None}
        included = (one for one in _objects(includes.get("tweets")) if _key(one.get("id")) in retweeted)
        original = next(included, {})
    own = (
        _dict(tweet.get("note_tweet")).get("text"),
        _dict(tweet.get("extended_tweet")).get("full_text"),
        tweet.get("full_text"),
    )
    passed_on = _x_text({**original, "retweeted_status": None, "referenced_tweets": None}, {}) if original else None
    whole = (text for text in (passed_on, *own) if isinstance(text, str) and text.strip())
    return next(whole, tweet.get("text"))


def _of_jetstream(frame: Object) -> Found:
    commit = _dict(frame.get("commit"))
    record = _dict(commit.get("record"))
    if commit.get("collection") != POST or not record:
        what = commit.get("collection") if commit else frame.get("kind")
        done = f" ({commit.get('operation')})" if commit else ""
        raise InvalidTweet(f"not a tweet: a Jetstream frame about {str(what)[:80]}{done}, no new post: text is missing")
    uri = f"at://{frame['did']}/{POST}/{commit.get('rkey')}"
    return _of_bluesky(record, uri if commit.get("rkey") else None, {"did": frame["did"]})


def _reposted(found: Found, reason: Object) -> Found:
    """A post as somebody's repost puts it into a feed: date and author are those of who passes it on."""
    by = _dict(reason.get("by"))
    if by.get("did") is None:
        return found
    created_at = first_of(reason.get("indexedAt"), found.created_at)
    return found._replace(created_at=created_at, authors=(by["did"],), reaches=(by.get("followersCount"),), names=())


def _of_bluesky(post: Object, uri: Any, author: Object) -> Found:
    """A record of app.bsky.feed.post; its id is the post's URI, its author the DID in that."""
    langs = post.get("langs")
    did = author.get("did")
    if did is None and isinstance(uri, str) and uri.startswith("at://"):
        did = uri.removeprefix("at://").split("/")[0]
    return Found(
        uri,
        post.get("text"),
        first_of(post.get("createdAt")),
        (did,),
        (langs[0] if langs else None) if isinstance(langs, list) else langs or None,
        (author.get("followersCount"), post.get("reach")),
        (author.get("handle"),),
    )


def _is_mastodon(tweet: Object) -> bool:
    """A boost may have no content of its own, and a status may have lost its account: nothing needs that."""
    if any(name in tweet for name in ("text", "full_text")):
        return isinstance(tweet.get("content"), str) and isinstance(tweet.get("account"), dict)
    return isinstance(tweet.get("reblog"), dict) or (
        isinstance(tweet.get("content"), str) and any(name in tweet for name in ("account", "reblog", "spoiler_text"))
    )


def _of_mastodon(status: Object) -> Found:
    """The text of a boost is that of the status passed on; a content warning stands before the text."""
    account = _dict(status.get("account"))
    original = _dict(status.get("reblog")) or status
    return Found(
        status.get("id"),
        _mastodon_text(original),
        first_of(status.get("created_at")),
        (account.get("id"),),
        original.get("language"),
        (account.get("followers_count"),),
        (account.get("acct"), account.get("username")),
    )


def _mastodon_text(status: Object) -> Any:
    content, warning = status.get("content"), status.get("spoiler_text")
    if not isinstance(content, str):
        return content
    try:
        text = html_to_text(content)
    except ValueError as error:
        raise InvalidTweet(f"not a tweet: text: content is HTML that cannot be read: {error}") from None
    return f"{warning}\n\n{text}".strip() if isinstance(warning, str) and warning.strip() else text
