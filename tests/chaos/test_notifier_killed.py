"""`kill -9` of the notifier while it posts."""

from __future__ import annotations

from tests.chaos.site import ALL, Site


def test_a_notifier_killed_while_posting_posts_the_same_id_again(site: Site) -> None:
    site.receiver.delay_s = 2
    notifier = site.start_notifier()
    worker = site.start_worker()
    site.send(rate=200)
    site.visible.wait_since(worker.started)
    interrupted = []
    for _ in range(5 if ALL else 1):
        before = len(site.receiver.posts)
        interrupted.append(site.receiver.wait_for(before + 1)[before].id)  # the receiver has it, Redis does not know
        notifier.kill()
        notifier = site.start_notifier()
    site.receiver.delay_s = 0
    site.check()
    for identifier in interrupted:
        assert sum(post.id == identifier for post in site.receiver.posts) >= 2
