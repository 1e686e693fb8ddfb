"""`handfast demo market`: finished goods traded on this machine, honestly and not."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from handfast.errors import InvalidInput
from handfast.market.showing import size_text
from handfast.protocol.constants import SCALE
from handfast.town.bazaar import PRICE, SALES, Bazaar, BazaarReport, play
from handfast.town.stage import check_lines, perform
from handfast.town.town import TOKEN

FOLDER = Path("handfast-town") / "market"
_GOOD, _BAD = "#009E73", "#D55E00"


@click.command("market")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    show_default=True,
    help="Journals, logs, a picture and report.json; made anew.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report instead of tables.")
def market(folder: Path, as_json: bool) -> None:
    """Trade finished goods: an honest sale, and four in which somebody cheats."""
    perform(
        folder,
        as_json,
        lambda console: _play(folder, console),
        lambda report: draw(report, folder / "accounts.png"),
        lambda report, console: _show(report, folder, console),
    )


async def _play(folder: Path, console: Console) -> BazaarReport:
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        live.update(Text("a chain starts, contracts are deployed, everybody registers …"))
        return await play(folder, lambda bazaar: live.update(_scene(bazaar)))


def _scene(bazaar: Bazaar) -> Group:
    """What a person sees while the demo runs."""
    ended = {each.title: each for each in bazaar.endings}
    table = Table("sale", "seller", "buyer", "", title=bazaar.doing, title_justify="left")
    for sale in SALES:
        ending = ended.get(sale.title)
        listed = "on sale" if sale.seller in bazaar.listings else ""
        how = listed if ending is None else f"{ending.phase} {ending.verdict}"
        table.add_row(sale.title, sale.seller, sale.buyer, how)
    return Group(table, *check_lines(bazaar.checks))


def _show(report: BazaarReport, folder: Path, console: Console) -> None:
    price = f"{PRICE / TOKEN:g} tokens for {size_text(report.size)}"
    sales = Table("sale", "seller", "buyer", "price", "proven", "content", "s", title=price)
    for each in report.endings:
        where = "refunded" if each.phase == "refunded" else "to the seller"
        opened = "opened, verified" if each.opened else "none"
        proven = each.verdict or "-"
        row = (each.title, each.seller, each.buyer, where, proven, opened, f"{each.seconds:.0f}")
        sales.add_row(*row)
    accounts = Table("who", "gained", "bond lost", "reputation", title="Who has what in the end")
    for account in report.accounts:
        accounts.add_row(
            account.name,
            f"{account.gained / TOKEN:+g}",
            f"{account.bond_lost / TOKEN:g}",
            f"{account.reputation / SCALE:+.2f}",
        )
    gas = Table("step", "times", "gas, mean", title="Gas per step")
    for step, used in sorted(report.gas.items(), key=lambda item: -max(item[1])):
        if step.startswith("Marketplace"):
            gas.add_row(step, str(len(used)), f"{sum(used) // len(used):,}")
    console.print(sales, accounts, gas)
    for check in report.checks:
        mark = "[green]✓[/green]" if check.held else "[red]✗[/red]"
        console.print(f"{mark} {check.name}: {check.detail}", highlight=False)
    console.print(f"{len(report.endings)} sales in {report.seconds:.0f} s; {folder}/:")
    console.print("accounts.png, report.json, and a log of every process")


def draw(report: BazaarReport, file: Path) -> None:
    """A bar for what each account gained or lost, its bond included.

    raises   InvalidInput if the plotting library is not installed
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise InvalidInput("charts need matplotlib: pip install 'handfast[demo]'") from None
    cheats = {sale.buyer for sale in SALES if sale.buyer_kind}
    cheats |= {sale.seller for sale in SALES if sale.seller_kind}
    names = [account.name for account in report.accounts]
    changes = [(account.gained - account.bond_lost) / TOKEN for account in report.accounts]
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.bar(names, changes, color=[_BAD if name in cheats else _GOOD for name in names])
    axes.axhline(0, color="#555555", linewidth=1)
    axes.set(ylabel="tokens gained or lost")
    axes.set_title("Orange cheats or falls silent")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=120)
