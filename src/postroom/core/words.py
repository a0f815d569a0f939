"""The rules in words: one sentence for each, as explanations print them and docs/sharing.md shows them."""

from typing import NamedTuple

from postroom.core.sharing import Ground, Reason, Rule


class Sentence(NamedTuple):
    """What a rule says, and where the setting that it read can be changed (empty where it read none)."""

    text: str
    changed_by: str = ""


_SHARE_RECORD = "the record's owner or an administrator, with 'postroom record share' and 'unshare'"
_ROLE_PREFERENCE = "an administrator, with 'postroom sharing set --role'"
_MOVE = "an administrator, with 'postroom user move'"
_STATUS = "an administrator, with 'postroom user enable' and 'disable'"
_AUDIENCE = "whoever sets that permission, with the --to options of 'postroom sharing set'"
_OWN_CHOICE = "the owner, with 'postroom sharing set --choice'"
_OWN_SHARE = "the owner, with 'postroom share' and 'unshare'"
_CRM_ACCESS = "an administrator, with 'postroom sharing set --crm-access'"
_BY_HAND = "the owner, with 'postroom mail withhold' and 'release'"

SENTENCES = {
    Ground.MODULE_IS_PUBLIC: Sentence(
        "The viewer sees the record: its module is public.",
        "an administrator, with 'postroom sharing set --module'",
    ),
    Ground.OWNS_RECORD: Sentence("The viewer sees the record: the viewer owns it."),
    Ground.SUPERIOR_OF_RECORD_OWNER: Sentence(
        "The viewer sees the record: the viewer is a superior of its owner.", _MOVE
    ),
    Ground.RECORD_SHARED_WITH_USER: Sentence(
        "The viewer sees the record: it is shared with the viewer.", _SHARE_RECORD
    ),
    Ground.RECORD_SHARED_WITH_ROLE: Sentence(
        "The viewer sees the record: it is shared with the viewer's role.", _SHARE_RECORD
    ),
    Ground.RECORD_SHARED_WITH_ROLE_ABOVE: Sentence(
        "The viewer sees the record: it is shared with a role above the viewer's, and subordinates.", _SHARE_RECORD
    ),
    Ground.ADMINISTRATOR: Sentence("The viewer sees the record: the viewer is an Administrator."),
    Rule.VIEWER_NOT_ACTIVE: Sentence("The viewer is {value}: such a user sees nothing.", _STATUS),
    Rule.NO_GROUND: Sentence("The viewer may not see the record, so none of its mail either.", _SHARE_RECORD),
    Rule.IN_RECYCLE_BIN: Sentence(
        "The record is in the recycle bin, so nobody sees its mail.", "an administrator, with 'postroom record restore'"
    ),
    Rule.OWN_MAIL: Sentence("It is the viewer's own mail."),
    Rule.OWNER_NOT_ACTIVE: Sentence("The owner is {value}: such a user shares with nobody.", _STATUS),
    Rule.PERMISSION_FROM_ROLE: Sentence(
        "Permission {value}, from the e-mail preference of the owner's role.", _ROLE_PREFERENCE
    ),
    Rule.PERMISSION_FROM_USER: Sentence(
        "Permission {value}, assigned to the owner by an administrator.",
        "an administrator, with 'postroom sharing set --user --permission'",
    ),
    Rule.PERMISSION_FROM_ORGANISATION: Sentence(
        "Permission {value}, the organisation's default.",
        "an administrator, with 'postroom sharing set --default'",
    ),
    Rule.USERS_CHOICE: Sentence("The owner chose {value}.", _OWN_CHOICE),
    Rule.NO_CHOICE_MADE: Sentence("The owner has not chosen, which means private.", _OWN_CHOICE),
    Rule.MAIL_IS_PRIVATE: Sentence("Private mail is seen by its owner alone."),
    Rule.MAIL_IS_PUBLIC: Sentence("Public mail is seen by everyone in the audience who sees the record."),
    Rule.SHARED_ON_RECORD: Sentence("The owner shared on this record on {value}.", _OWN_SHARE),
    Rule.NOT_SHARED_ON_RECORD: Sentence("The owner did not share on this record.", _OWN_SHARE),
    Rule.UNKNOWN_PERMISSION: Sentence("The permission {value} is unknown to the law, so nobody sees."),
    Rule.IN_AUDIENCE_OF_EVERYONE: Sentence("The audience is everyone.", _AUDIENCE),
    Rule.IN_AUDIENCE_AS_SUPERIOR: Sentence(
        "The viewer is a superior of the owner, and superiors are in every audience.", _MOVE
    ),
    Rule.IN_AUDIENCE_BY_NAME: Sentence("The audience lists the viewer.", _AUDIENCE),
    Rule.IN_AUDIENCE_BY_ROLE: Sentence("The audience lists the viewer's role.", _AUDIENCE),
    Rule.IN_AUDIENCE_BY_ROLE_ABOVE: Sentence(
        "The audience lists a role above the viewer's, and subordinates.", _AUDIENCE
    ),
    Rule.NOT_IN_AUDIENCE: Sentence("The viewer is not in the audience that the {value} set.", _AUDIENCE),
    Rule.UNKNOWN_AUDIENCE: Sentence("The audience {value} is unknown to the law, so nobody sees."),
    Rule.DOMAIN_EXCLUDED_BY_ORGANISATION: Sentence(
        "A participant is at {value}, which the organisation excludes.",
        "an administrator, with 'postroom domain exclude' and 'include'",
    ),
    Rule.DOMAIN_EXCLUDED_BY_ROLE: Sentence(
        "A participant is at {value}, which the e-mail preference of the owner's role excludes.",
        "an administrator, with 'postroom domain exclude --role' and 'include --role'",
    ),
    Rule.DOMAIN_EXCLUDED_BY_USER: Sentence(
        "A participant is at {value}, which the owner excludes.",
        "the owner, with 'postroom domain exclude --user' and 'include --user'",
    ),
    Rule.EMAIL_WITHHELD: Sentence("The owner withholds this e-mail.", _BY_HAND),
    Rule.THREAD_WITHHELD: Sentence("The owner withholds this conversation.", _BY_HAND),
    Rule.EVERY_COPY_WITHHELD: Sentence(
        "Every copy that there is here is withheld from others.",
        "the owner, with 'postroom mail release', or whoever excludes the domain, with 'postroom domain include'",
    ),
    Rule.SENT_BY_VIEWER: Sentence("The viewer sent it."),
    Rule.SENT_BY_SUBORDINATE: Sentence(
        "Access type private: the viewer is a superior of the sender.",
        "an administrator, with 'postroom sharing set --crm-access' or 'postroom user move'",
    ),
    Rule.CRM_MAIL_IS_PRIVATE: Sentence(
        "Access type private: only senders and their superiors see mail sent from the CRM.", _CRM_ACCESS
    ),
    Rule.CRM_MAIL_FOLLOWS_RECORD: Sentence(
        "Access type {value}: everyone who sees the record sees mail sent from the CRM.", _CRM_ACCESS
    ),
    Rule.UNKNOWN_CRM_ACCESS: Sentence("The access type {value} is unknown to the law, so nobody sees."),
    Rule.UNKNOWN_KIND: Sentence("Mail of the kind {value} is unknown to the law, so nobody sees."),
}


def sentence(reason: Reason) -> str:
    """Give one step of a decision as a sentence; a time in it is to be put into words beforehand."""
    return SENTENCES[reason.rule].text.format(value=reason.value)


def changed_by(reason: Reason) -> str:
    """Say who can change what a step read, and how; "" where there is nothing to change."""
    return SENTENCES[reason.rule].changed_by
