"""Who asks: what one may change follows from it, and the audit names it."""

from dataclasses import dataclass

from postroom.actions.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Actor:
    """A user, or whoever has the command line (`user_id` None) and may do what any user may.

    `channel` says through what: a token, or whose command line. A client of OAuth that ends what was granted to it is
    named by its channel, and is an actor in nothing else.
    """

    user_id: int | None
    is_administrator: bool
    channel: str

    def acts_for(self, user_id: int) -> bool:
        """Say whether what is a user's own to decide is this actor's to decide."""
        return self.user_id is None or self.user_id == user_id


def command_line(login: str) -> Actor:
    """Give the actor of a command that a login of the machine runs."""
    return Actor(None, is_administrator=True, channel=f"command line of {login}")


def require_administrator(by: Actor, what: str) -> None:
    """Raise NotAllowed, with the reason, for anybody else."""
    if not by.is_administrator:
        raise NotAllowed(f"only an administrator may set {what}")


def require_self(by: Actor, user_id: int, what: str) -> None:
    """Raise NotAllowed, with the reason, for anybody but the user; an administrator is somebody else."""
    if not by.acts_for(user_id):
        raise NotAllowed(f"only the user may set {what}")
