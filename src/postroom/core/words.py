"""The rules in words: one sentence for each, as explanations print them and docs/sharing.md shows them."""

from postroom.core.sharing import Ground, Reason, Rule

_SENTENCES = {
    Ground.MODULE_IS_PUBLIC: "The viewer sees the record: its module is public.",
    Ground.OWNS_RECORD: "The viewer sees the record: the viewer owns it.",
    Ground.SUPERIOR_OF_RECORD_OWNER: "The viewer sees the record: the viewer is a superior of its owner.",
    Ground.RECORD_SHARED_WITH_USER: "The viewer sees the record: it is shared with the viewer.",
    Ground.RECORD_SHARED_WITH_ROLE: "The viewer sees the record: it is shared with the viewer's role.",
    Ground.RECORD_SHARED_WITH_ROLE_ABOVE: (
        "The viewer sees the record: it is shared with a role above the viewer's, and subordinates."
    ),
    Ground.ADMINISTRATOR: "The viewer sees the record: the viewer is an Administrator.",
    Rule.VIEWER_NOT_ACTIVE: "The viewer is {value}: such a user sees nothing.",
    Rule.NO_GROUND: "The viewer may not see the record, so none of its mail either.",
    Rule.OWN_MAIL: "It is the viewer's own mail.",
    Rule.OWNER_NOT_ACTIVE: "The owner is {value}: such a user shares with nobody.",
    Rule.PERMISSION_FROM_ROLE: "Permission {value}, from the e-mail preference of the owner's role.",
    Rule.PERMISSION_FROM_USER: "Permission {value}, assigned to the owner by an administrator.",
    Rule.PERMISSION_FROM_ORGANISATION: "Permission {value}, the organisation's default.",
    Rule.USERS_CHOICE: "The owner chose {value}.",
    Rule.NO_CHOICE_MADE: "The owner has not chosen, which means private.",
    Rule.MAIL_IS_PRIVATE: "Private mail is seen by its owner alone.",
    Rule.MAIL_IS_PUBLIC: "Public mail is seen by everyone who sees the record.",
    Rule.SHARED_ON_RECORD: "The owner shared on this record on {value}.",
    Rule.NOT_SHARED_ON_RECORD: "The owner did not share on this record.",
    Rule.UNKNOWN_PERMISSION: "The permission {value} is unknown to the law, so nobody sees.",
    Rule.SENT_BY_VIEWER: "The viewer sent it.",
    Rule.SENT_BY_SUBORDINATE: "The viewer is a superior of the sender.",
    Rule.CRM_MAIL_IS_PRIVATE: "Access type private: only senders and their superiors see mail sent from the CRM.",
    Rule.CRM_MAIL_FOLLOWS_RECORD: "Access type {value}: everyone who sees the record sees mail sent from the CRM.",
    Rule.UNKNOWN_CRM_ACCESS: "The access type {value} is unknown to the law, so nobody sees.",
    Rule.UNKNOWN_KIND: "Mail of the kind {value} is unknown to the law, so nobody sees.",
}


def sentence(reason: Reason) -> str:
    """Give one step of a decision as a sentence; a time in it is to be put into words beforehand."""
    return _SENTENCES[reason.rule].format(value=reason.value)
