"""Notifications as groups make them."""

from __future__ import annotations

from alerts.grouping.groups import Notification, NotificationItem
from alerts.grouping.routing import targets
from alerts.state.alert import Transition
from contracts.rules.schema import Rules, Watch, Webhook
from tests.fakes import SECRET


def notification_of(receiver: str, *transitions: Transition, repeat: int = 0) -> Notification:
    """These changes in one notification; the group is that of the first."""
    rules = Rules(
        watches=(Watch(name="acme", match=("acme",)),),
        receivers=(Webhook(name=receiver, url="http://127.0.0.1:9/", secret=SECRET),),
    )
    (target,) = targets(rules, transitions[0].alert.labels)
    items = tuple(NotificationItem(status, alert, repeat) for status, alert in transitions)
    return Notification(target, "http://127.0.0.1:8000", items)
