"""What an action refuses, each with a sentence for the person who asked."""


class ActionError(Exception):
    """An action was refused; nothing was changed."""


class InvalidInput(ActionError):
    """A value that was given is not acceptable; the sentence names the field."""


class NotFound(ActionError):
    """A thing that was named is not there."""


class AlreadyThere(ActionError):
    """A thing that was to be added is there already."""


class NotAllowed(ActionError):
    """The law does not allow it in this state of the settings."""


class NoMailbox(NotAllowed):
    """Whoever has no connected mailbox has no mail to share."""


class LoginFailed(ActionError):
    """A mail server, or who gives access to it, did not let us in; the sentence says what to do."""


class LoginRefused(LoginFailed):
    """It was the user name or the password that a mail server refused."""


class CustomSharingOff(NotAllowed):
    """The permission of a user is another one than `custom`, so nothing is shared record by record."""


class NotShared(NotFound):
    """A user does not share mail on a record that the user sees."""


class NotInitialised(ActionError):
    """The database has no organisation yet, or the schema of another version."""


class FieldRefused(ActionError):
    """Something that was sent in the form of Zoho CRM's API is not acceptable; `details` says what."""

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message, self.details = message, details


class FieldMissing(FieldRefused):
    """A field that is needed was not sent."""

    def __init__(self, **details: int | str) -> None:
        super().__init__("required field not found", **details)


class FieldTaken(FieldRefused):
    """The value of a field is that of another thing already."""


class RecordUnknown(FieldRefused):
    """One of several records is not there, or the caller may not know that it is."""

    def __init__(self, record_id: int) -> None:
        super().__init__("the id given seems to be invalid", id=str(record_id))


class EmailsShared(FieldRefused):
    """The caller shares mail on a record already."""


class EmailsNotShared(FieldRefused):
    """The caller does not share mail on a record."""


class SharingNotAllowed(FieldRefused):
    """The caller cannot share mail record by record."""


class FieldUnsupported(FieldRefused):
    """A field asks for something that there is not here."""


class SendingRefused(FieldRefused):
    """A message was not sent, and will not be."""


class FileTooLarge(ActionError):
    """An uploaded file is larger than one may be, or a user's files are together."""


class UploadUnreadable(ActionError):
    """What was uploaded holds no file."""


class RequestRefused(ActionError):
    """A request to the API was refused; each subclass is one row of the contract."""


class TokenInvalid(RequestRefused):
    """The token is unknown, expired or revoked, or its user is not active."""


class ScopeMismatch(RequestRefused):
    """The token's scopes do not admit this request."""


class ModuleUnknown(RequestRefused):
    """There is no module of that name."""


class ModuleWithoutEmails(RequestRefused):
    """The module keeps no e-mails."""


class DraftInvalid(RequestRefused):
    """The caller has no such draft on the record."""


class RecordInvalid(RequestRefused):
    """The record is not there, or the caller may not know that it is."""
