"""The first commands: an organisation of one's own, and the demo."""

import shlex
import time

import click

from postroom.actions.demo import DemoAccess, create_demo, demo_access
from postroom.actions.initialising import initialise
from postroom.cli.commands import Command, json_option
from postroom.cli.installation import opened
from postroom.cli.output import print_json, progress_bar, say


@click.command(cls=Command, epilog="postroom init --name 'Adams & Co' --time-zone Europe/Vienna")
@click.option("--name", default="My organisation", show_default=True, help="The organisation's name.")
@click.option("--time-zone", default="UTC", show_default=True, help="Such as Europe/Vienna.")
def init(name: str, time_zone: str) -> None:
    """Create the organisation, or bring its database to this version; running it again does no harm."""
    with opened(initialised=False) as installation:
        created = initialise(installation.database, name, time_zone)
        place = installation.database.engine.url.render_as_string(hide_password=True)
    say(f"Created {name!r} in {place}." if created else f"The organisation in {place} is there and up to date.")


@click.command(cls=Command, epilog="postroom demo && postroom serve")
@click.option("--base-url", default="http://127.0.0.1:8400", show_default=True, help="Where 'postroom serve' answers.")
@json_option
def demo(base_url: str, as_json: bool) -> None:
    """Create a small company with mail and records, and print a request to try."""
    with opened(initialised=False) as installation, progress_bar("Creating the demo") as bar:
        create_demo(
            installation.database, installation.box, lambda done, total: bar.show("Creating the demo", done, total)
        )
        access = demo_access(installation.database, now=int(time.time()))
    base_url = base_url.rstrip("/")
    if as_json:
        print_json({"base_url": base_url, "token": access.token, "user": access.user, "paths": access.paths})
    else:
        _print_access(base_url, access)


def _print_access(base_url: str, access: DemoAccess) -> None:
    header = shlex.quote(f"Authorization: Zoho-oauthtoken {access.token}")
    say(f"The demo is there. {access.user} may ask about these records:")
    for path in access.paths:
        say(f"  {base_url}{path}")
    say("With 'postroom serve' running, paste this; the token works for a week:")
    say(f"  curl -H {header} {shlex.quote(base_url + access.paths[0])}")
    say("These show the settings behind the answers:")
    for command in ("sharing list", "domain list", f"viewers --owner {access.user}", "audit"):
        say(f"  postroom {command}")
