"""What every command has: where the data is, before and after the subcommand, and help that ends with an example."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, TypeVar

import click

DATA_DIR = "postroom.data_dir"
DATABASE_URL = "postroom.database_url"
PREVIEW = "postroom.preview"
PREVIEW_AS_JSON = "postroom.preview_as_json"

_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_LARGEST_ID = 2**63 - 1

Callback = TypeVar("Callback", bound=Callable[..., Any])


class Interrupted(click.ClickException):
    """The person stopped the command."""

    exit_code = 130  # 128 + SIGINT, as shells say it


class Command(click.Command):
    """A command that knows where the data is; its epilog is an example of itself."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Add the options of every command."""
        return _with_data_options(super().get_params(ctx))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse text that no database could store."""
        rest = super().parse_args(ctx, args)
        for name, value in ctx.params.items():
            if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
                raise click.UsageError(f"the value of {name.replace('_', '-')} is not UTF-8", ctx)
        return rest

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """End the help with the example."""
        _write_example(ctx, formatter)


class Group(click.Group):
    """A group of such commands."""

    command_class = Command

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Add the options of every command."""
        return _with_data_options(super().get_params(ctx))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """End the help with the example."""
        _write_example(ctx, formatter)


@dataclass(frozen=True, slots=True)
class Entry:
    """A command of the first level: the module and the attribute where it is, and its line in the list."""

    module: str
    attribute: str
    summary: str


class LazyGroup(Group):
    """A group whose commands are imported when they are asked for, so that its help is quick."""

    entries: ClassVar[Mapping[str, Entry]] = {}

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Give the names, in the order of the table."""
        return list(self.entries)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = getattr(import_module(entry.module), entry.attribute)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self.entries.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort) as error:
            raise Interrupted("interrupted; run the same command again to complete it") from error


class Id(click.ParamType[int]):
    """An id, as another command printed it."""

    name = "id"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Give its number."""
        number = int(value) if _ID.fullmatch(value) else _LARGEST_ID + 1
        if number > _LARGEST_ID:
            self.fail(f"{value!r} is not an id", param, ctx)
        return number


def json_option(callback: Callback) -> Callback:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")(callback)


def preview_option(callback: Callback) -> Callback:
    """Add --preview, for a command that makes a change with `make_change`, and --json for what it prints."""
    flags = (
        ("--preview", PREVIEW, "Print what this would open and close, and change nothing."),
        ("--json", PREVIEW_AS_JSON, "Print the preview as JSON, for scripts."),
    )
    for flag, key, text in reversed(flags):
        callback = click.option(flag, is_flag=True, expose_value=False, callback=_remembering(key), help=text)(callback)
    return callback


def limit_option(default: int) -> Callable[[Callback], Callback]:
    """Add --limit, for a list that is read in pages."""
    size = click.IntRange(1, 1000)
    return click.option("--limit", metavar="N", type=size, default=default, show_default=True, help="How many at most.")


def _remembering(key: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    """Keep a flag for the whole command line."""

    def remember(ctx: click.Context, _option: click.Parameter, value: bool) -> None:
        ctx.meta[key] = value

    return remember


def _remember(ctx: click.Context, option: click.Parameter, value: str | None) -> None:
    """Keep the value for the whole command line; the one that stands last wins."""
    if value == "":
        raise click.BadParameter("is empty; leave it out for the default", ctx, option)
    if value is not None:
        ctx.meta[DATA_DIR if option.name == "data_dir" else DATABASE_URL] = value


_DATA_OPTIONS: tuple[click.Parameter, ...] = (
    click.Option(
        ["--data-dir"],
        metavar="FOLDER",
        expose_value=False,
        callback=_remember,
        help="Where the data is kept; else POSTROOM_DATA_DIR, else the user's data folder.",
    ),
    click.Option(
        ["--database"],
        metavar="URL",
        expose_value=False,
        callback=_remember,
        help="postgresql://USER@HOST/NAME; else POSTROOM_DATABASE_URL, else SQLite in the data folder.",
    ),
)


def _with_data_options(params: list[click.Parameter]) -> list[click.Parameter]:
    """Put the options of every command before --help, which is last."""
    return [*params[:-1], *_DATA_OPTIONS, *params[-1:]]


def _write_example(ctx: click.Context, formatter: click.HelpFormatter) -> None:
    with formatter.section("Example"):
        formatter.write(f"{' ' * formatter.current_indent}{ctx.command.epilog}\n")
