"""Checks of bank_transfers."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from typing import Any

from grader.explore import overlapped, together
from grader.judge import Explore, Submission, expect, kind, scenario

EXERCISE = "bank_transfers"
ALL_OR_NOTHING = "Look at everything first, and change nothing until all of it can be done."
ONE_ORDER = "Which accounts does each call have, and which one does it still want? Is there one order for everybody?"
ONE_MOMENT = "All balances of one total must be of the same moment. What may change while you add?"
ONE_STEP = "Looking at a balance and changing it must be one step for other threads."
SLACK = 0.05  # virtual seconds


@scenario
def outcome_of(call: Callable[[], Any]) -> Any:
    """The result, or the name of the exception."""
    try:
        return call()
    except Exception as error:
        return type(error).__name__


@scenario
def timed(call: Callable[[], Any]) -> list[Any]:
    """The outcome, and the virtual seconds it took."""
    began = time.monotonic()
    return [outcome_of(call), time.monotonic() - began]


@scenario
def keep(bank: Any, account: str, seconds: float) -> None:
    """A clerk who holds the account from now on, for so long."""
    with bank.hold(account):
        time.sleep(seconds)


@scenario
def move_money(student: Any) -> list[Any]:
    given = {"zoe": 500, "ann": 200, "max": 0}
    bank = student.Bank(given)
    bank.transfer("zoe", "max", 150)
    bank.transfer("ann", "zoe", 200, timeout=5)
    return [[bank.balance(name) for name in given], bank.audit(), list(given.values())]


@kind("correctness")
def test_a_transfer_moves_money(explore: Explore) -> None:
    """transfer moves cents from one account to the other, and the total stays"""
    for balances, total, given in explore(move_money, schedules=5):
        expect(
            balances == [550, 0, 150],
            f"From 500, 200 and 0 cents the first gave 150 to the third, the second 200 to the first: {balances}; "
            "550, 0 and 150 were due.",
            idea="What leaves one account arrives in the other one; the last cent may leave, too.",
        )
        expect(total == 700, f"audit() gave {total} of 700 cents.", idea="audit adds up all balances.")
        expect(
            given == [500, 200, 0],
            f"The mapping that the bank was given has changed to {given}.",
            idea="The balances belong to the bank: it starts with a copy.",
        )


@scenario
def pay_out(student: Any) -> list[Any]:
    bank = student.Bank({"till": 300, "zoe": 20, "ann": 0, "max": 5})
    bank.payout("till", {"zoe": 100, "ann": 150, "max": 50})
    return [bank.balance(name) for name in ("till", "zoe", "ann", "max")]


@kind("correctness")
def test_a_payout_moves_every_share(explore: Explore) -> None:
    """payout moves every share; the last cent may be spent"""
    for balances in explore(pay_out, schedules=5):
        expect(
            balances == [0, 120, 150, 55],
            f"300 cents were paid out as 100, 150 and 50 to accounts with 20, 0 and 5: now {balances}; "
            "0, 120, 150 and 55 were due.",
            idea="Every share arrives in its account, and all of them leave src.",
        )


@scenario
class Cents(int):
    """An amount that knows whether somebody has added it."""

    added = False

    def __add__(self, other: Any) -> int:
        self.added = True
        return int(self) + int(other)

    __radd__ = __add__


@scenario
def references(amounts: list[Any]) -> list[int]:
    return [sys.getrefcount(amount) for amount in amounts]


@scenario
def audit_at_work(student: Any) -> list[Any]:
    amounts = [Cents(300), Cents(200), Cents(100)]
    before = references(amounts)
    bank = student.Bank(dict(zip(("zoe", "ann", "max"), amounts, strict=True)))
    # A bank that keeps the amounts in a form of its own is not asked how it adds them.
    kept = all(now > then for now, then in zip(references(amounts), before, strict=True))
    for amount in amounts:
        amount.added = False
    total = bank.audit()
    return [total, not kept or all(amount.added for amount in amounts)]


@kind("correctness")
def test_audit_counts_the_balances(explore: Explore) -> None:
    """audit adds up what is in the accounts"""
    for total, counted in explore(audit_at_work, schedules=5):
        expect(total == 600, f"audit() of 300, 200 and 100 cents gave {total}.", idea="audit adds up all balances.")
        expect(
            counted,
            "audit() gave the total without adding up the balances.",
            idea="A remembered total is right even when money is lost. An audit looks into the accounts.",
        )


@scenario
def own_account(student: Any) -> list[Any]:
    bank = student.Bank({"max": 10, "ann": 30})
    seen = [
        outcome_of(lambda: bank.transfer("ann", "ann", 5)),
        outcome_of(lambda: bank.transfer("ann", "ann", 1000)),
        outcome_of(lambda: bank.payout("ann", {"ann": 1000})),
        outcome_of(lambda: bank.payout("ann", {"max": 30, "ann": 50})),
    ]
    return [seen, bank.balance("ann"), bank.balance("max")]


@kind("correctness")
def test_money_for_its_own_account_stays(explore: Explore) -> None:
    """Money that goes to its own account stays where it is, whatever the balance"""
    for seen, ann, other in explore(own_account, schedules=5):
        calls = ("transfer of 5 to itself", "transfer of 1000 to itself", "payout of 1000 to itself", "payout of 30")
        for call, outcome in zip(calls, seen, strict=True):
            expect(
                outcome is None,
                f"An account of 30 cents, {call}: {outcome}.",
                idea="What goes to src itself never leaves it, so it needs no cover.",
            )
        expect(
            [ann, other] == [0, 40],
            f"30 cents went to another account, other amounts to src itself: now {ann} and {other}, not 0 and 40.",
            idea="What goes to src itself changes nothing.",
        )


@scenario
def disjoint(student: Any) -> bool:
    bank = student.Bank({"zoe": 50, "max": 50, "ann": 50, "bob": 50})
    return overlapped(lambda: bank.transfer("zoe", "ann", 1), lambda: bank.transfer("max", "bob", 1))


@kind("bounds")
def test_transfers_between_different_accounts_overlap(explore: Explore) -> None:
    """Transfers between different accounts can run at the same time"""
    expect(
        explore.possible(disjoint),
        "In no schedule could a transfer from max to bob run while one from zoe to ann was in the middle of its work.",
        idea="They have no account in common. What do they wait for?",
    )


@scenario
def wrong_calls(student: Any) -> list[Any]:
    bank = student.Bank({"zoe": 50, "ann": 50})
    calls = {
        "transfer from an unknown account": lambda: bank.transfer("zzz", "zoe", 1),
        "transfer to an unknown account": lambda: bank.transfer("zoe", "zzz", 1),
        "transfer from an unknown account to itself": lambda: bank.transfer("zzz", "zzz", 1),
        "payout from an unknown account": lambda: bank.payout("zzz", {"zoe": 1}),
        "payout to an unknown account": lambda: bank.payout("zoe", {"ann": 1, "zzz": 1}),
        "balance of an unknown account": lambda: bank.balance("zzz"),
        "hold of an unknown account": lambda: keep(bank, "zzz", 0),
        "transfer of 0 cents": lambda: bank.transfer("zoe", "ann", 0),
        "transfer of -5 cents": lambda: bank.transfer("zoe", "ann", -5),
        "transfer of 0 cents to itself": lambda: bank.transfer("zoe", "zoe", 0),
        "payout of no shares": lambda: bank.payout("zoe", {}),
        "payout with a share of 0": lambda: bank.payout("zoe", {"ann": 3, "zoe": 0}),
        "payout with a share of -1": lambda: bank.payout("zoe", {"ann": -1}),
    }
    seen: list[Any] = []

    def student_calls() -> None:
        time.sleep(0.1)
        seen.extend([name, *timed(call)] for name, call in calls.items())

    together(lambda: keep(bank, "zoe", 1), student_calls, names=("clerk", "payer"))
    return [seen, bank.balance("zoe"), bank.balance("ann")]


@kind("failure")
def test_wrong_calls_are_told_at_once(explore: Explore) -> None:
    """Unknown accounts are a KeyError, amounts below 1 a ValueError: at once, and nothing changes"""
    for seen, zoe, ann in explore(wrong_calls, schedules=10, points=60_000):
        for name, outcome, seconds in seen:
            due = "KeyError" if "unknown" in name else "ValueError"
            expect(outcome == due, f"{name}: {outcome or 'no error'}; {due} was due.", idea=ALL_OR_NOTHING)
            expect(
                seconds < SLACK,
                f"{name}: {due}, but only after {seconds:.2f} s, because somebody had the account.",
                idea="Arguments can be checked before anything is locked.",
            )
        expect([zoe, ann] == [50, 50], f"50 and 50 cents are {zoe} and {ann} after wrong calls.", idea=ALL_OR_NOTHING)


@scenario
def too_little(student: Any) -> list[Any]:
    bank = student.Bank({"zoe": 100, "max": 0, "ann": 0})
    seen = [
        outcome_of(lambda: bank.transfer("zoe", "ann", 101)),
        outcome_of(lambda: bank.payout("zoe", {"ann": 60, "max": 60})),
    ]
    balances = [bank.balance(name) for name in ("zoe", "max", "ann")]
    together(lambda: outcome_of(lambda: bank.transfer("zoe", "max", 100)), names=("next payer",))
    return [seen, balances, bank.balance("max")]


@kind("failure")
def test_too_little_money_changes_nothing(explore: Explore) -> None:
    """Too little money: InsufficientFunds, no balance changes, and the accounts are free afterwards"""
    for seen, balances, moved in explore(too_little, schedules=5):
        for call, outcome in zip(("transfer of 101", "payout of 60 and 60"), seen, strict=True):
            expect(
                outcome == "InsufficientFunds",
                f"{call} of 100 cents: {outcome or 'no error'}; InsufficientFunds was due.",
                idea="All that is to be moved must be there before anything is moved.",
            )
        expect(
            balances == [100, 0, 0],
            f"Both were refused; the accounts had 100, 0 and 0 cents before, and {', '.join(map(str, balances))} after that.",
            idea=ALL_OR_NOTHING,
        )
        expect(moved == 100, f"The next transfer of 100 moved {moved}.", idea=ALL_OR_NOTHING)


@scenario
def clerks(student: Any) -> list[Any]:
    bank = student.Bank({"zoe": 100, "ann": 0, "max": 0})

    def failing_clerk() -> None:
        with contextlib.suppress(OSError), bank.hold("zoe"):
            time.sleep(1)
            raise OSError

    def payer() -> list[Any]:
        time.sleep(0.1)
        return timed(lambda: bank.transfer("zoe", "ann", 5))

    def second_clerk() -> list[Any]:
        time.sleep(0.2)
        return timed(lambda: keep(bank, "zoe", 0))

    _, moved, held = together(failing_clerk, payer, second_clerk, names=("clerk", "payer", "second clerk"))
    return [moved, held, bank.balance("ann")]


@scenario
def two_clerks(student: Any) -> list[Any]:
    bank = student.Bank({"zoe": 100, "max": 100, "ann": 0, "bob": 0})

    def payer(start: float, src: str, dst: str) -> Callable[[], list[Any]]:
        return lambda: [time.sleep(start), *timed(lambda: bank.transfer(src, dst, 5))][1:]

    *_, first, second = together(
        lambda: keep(bank, "zoe", 1),
        lambda: keep(bank, "max", 0.5),
        payer(0.1, "zoe", "ann"),
        payer(0.2, "max", "bob"),
        names=("clerk 1", "clerk 2", "payer 1", "payer 2"),
    )
    return [first, second]


@kind("failure")
def test_a_held_account_waits_for_its_clerk(explore: Explore) -> None:
    """A held account waits until its clerk leaves, also by an exception; another clerk waits, too"""
    for moved, held, arrived in explore(clerks, schedules=10, points=60_000):
        _expect_end(("A transfer", moved, 0.9), ("A second clerk", held, 0.8))
        expect(arrived == 5, f"5 cents were transferred after that; {arrived} arrived.", idea=ALL_OR_NOTHING)
    for first, second in explore(two_clerks, schedules=10, points=60_000):
        for account, (outcome, seconds), due in (("max", second, 0.3), ("zoe", first, 0.9)):
            expect(
                outcome is None and abs(seconds - due) < SLACK,
                f"Clerks had zoe and max, and a transfer waited for each. {account} came free after {due:g} s; its transfer: "
                f"{outcome or 'done'} after {seconds:.2f} s.",
                idea="The two wait for different accounts. What do they share: a lock, a wake-up?",
            )


def _expect_end(*waits: tuple[str, list[Any], float]) -> None:
    """Each of these waited for a held account until its clerk left, and no longer."""
    for who, (outcome, seconds), due in waits:
        expect(
            outcome is None and abs(seconds - due) < SLACK,
            f"{who} wanted an account that a clerk kept for {due:g} s more: {outcome or 'done'} after {seconds:.2f} s.",
            idea="hold keeps everybody else out of that account, and nobody longer than its block.",
        )


@scenario
def busy(student: Any) -> list[Any]:
    calls = {
        "transfer from zoe to max": ("zoe", "bob", lambda bank, timeout: bank.transfer("zoe", "max", 7, timeout=timeout)),
        "transfer from max to zoe": ("zoe", "bob", lambda bank, timeout: bank.transfer("max", "zoe", 7, timeout=timeout)),
        "transfer from ann to max": ("ann", "bob", lambda bank, timeout: bank.transfer("ann", "max", 7, timeout=timeout)),
        "transfer from max to ann": ("ann", "bob", lambda bank, timeout: bank.transfer("max", "ann", 7, timeout=timeout)),
        "payout from ann to zoe and max": (
            "zoe",
            "ann",
            lambda bank, timeout: bank.payout("ann", {"zoe": 7, "max": 7}, timeout=timeout),
        ),
    }
    seen: list[Any] = []

    def with_a_new_bank(name: str, src: str, dst: str, call: Callable[[Any, float], Any], timeout: float) -> None:
        bank = student.Bank({"zoe": 100, "max": 100, "ann": 100, "bob": 100})

        def payer() -> list[Any]:
            time.sleep(0.1)
            return timed(lambda: call(bank, timeout))

        def next_payer() -> list[Any]:
            time.sleep(0.7)
            return timed(lambda: bank.transfer(src, dst, 1, timeout=0))

        _, refused, later = together(
            lambda: keep(bank, "max", 1), payer, next_payer, names=("clerk", "payer", "next payer")
        )
        # An account that is not free could keep whoever looks at its balance waiting for ever.
        due = {"zoe": 100, "max": 100, "ann": 100, "bob": 100, src: 99, dst: 101}
        unchanged = later[0] is not None or all(bank.balance(account) == cents for account, cents in due.items())
        seen.append([name, timeout, refused, f"{src} and {dst}", later, unchanged])

    for name, (src, dst, call) in calls.items():
        for timeout in (0.5, 0.0):
            with_a_new_bank(name, src, dst, call, timeout)
    return seen


@kind("failure")
def test_a_call_gives_up_when_its_time_is_over(explore: Explore) -> None:
    """Busy comes when the timeout has passed; nothing was moved, and the other account is free"""
    for seen in explore(busy, schedules=6, points=100_000):
        for name, timeout, (outcome, seconds), free, (later, _), unchanged in seen:
            expect(
                outcome == "Busy" and abs(seconds - timeout) < SLACK,
                f"A clerk had max for 0.9 s more; {name} with timeout={timeout:g}: {outcome or 'done'} after {seconds:.2f} s.",
                idea="timeout is how long the call may wait for accounts; then it raises Busy. 0 tries without waiting.",
            )
            expect(
                later in (None, "Busy"),
                f"Nobody had {free}; a transfer between them with timeout=0: {later}.",
                idea="0 takes what is free. How much of it is left when the call comes to the lock? Can that be negative?",
            )
            expect(
                later is None,
                f"After Busy for a {name}, one of {free} is not free: a transfer between them got Busy.",
                idea="Whoever gives up gives back everything that he already has.",
            )
            expect(unchanged, f"After Busy for a {name} the balances have changed.", idea=ALL_OR_NOTHING)


@scenario
def busy_in_all(student: Any, held: dict[str, float]) -> list[Any]:
    bank = student.Bank({"ann": 100, "bob": 100, "cyd": 100, "dan": 100})

    def payer() -> list[Any]:
        time.sleep(0.05)
        return timed(lambda: bank.payout("ann", {"bob": 1, "cyd": 1, "dan": 1}, timeout=0.5))

    clerks = [lambda name=name: keep(bank, name, held[name]) for name in held]  # type: ignore[misc]
    *_, refused = together(*clerks, payer, names=("clerk 1", "clerk 2", "clerk 3", "payer"))
    return refused


@kind("failure")
def test_the_timeout_is_for_all_accounts_together(explore: Explore) -> None:
    """The timeout is for all accounts of a call together"""
    for held in ({"bob": 0.4, "cyd": 0.8, "dan": 1.2}, {"bob": 1.2, "cyd": 0.8, "dan": 0.4}):
        for outcome, seconds in explore(busy_in_all, held, schedules=10, points=60_000):
            expect(
                outcome == "Busy" and abs(seconds - 0.5) < SLACK,
                f"Clerks had three accounts for 0.4, 0.8 and 1.2 s; a payout to them with timeout=0.5: "
                f"{outcome or 'done'} after {seconds:.2f} s.",
                idea="Fix the end once, as a point in time; each wait gets what is left until then.",
            )


@scenario
def two_payments(student: Any) -> list[Any]:
    bank = student.Bank({"zoe": 50, "max": 0, "ann": 50})
    together(
        lambda: bank.transfer("zoe", "max", 10), lambda: bank.transfer("ann", "max", 20), names=("payer 1", "payer 2")
    )
    return [bank.balance(name) for name in ("zoe", "max", "ann")]


@kind("schedules")
def test_two_payments_to_one_account_both_arrive(explore: Explore) -> None:
    """Two payments to one account: both arrive"""
    for balances in explore(two_payments, bound=2, schedules=800, seconds=1.5):
        expect(
            balances == [40, 30, 30],
            f"10 and 20 cents were paid to an empty account at once: it has {balances[1]}, the payers {balances[0]} and "
            f"{balances[2]} of 50 each.",
            idea=ONE_STEP,
        )


@scenario
def last_money(student: Any) -> list[Any]:
    bank = student.Bank({"max": 0, "zoe": 100, "ann": 0})
    outcomes = together(
        lambda: outcome_of(lambda: bank.transfer("zoe", "ann", 80)),
        lambda: outcome_of(lambda: bank.payout("zoe", {"max": 80})),
        names=("payer 1", "payer 2"),
    )
    return [outcomes, bank.balance("zoe")]


@kind("schedules")
def test_the_last_money_is_spent_once(explore: Explore) -> None:
    """Two payments, money for one: exactly one gets InsufficientFunds"""
    for outcomes, left in explore(last_money, bound=2, schedules=800, seconds=1.5):
        expect(
            sorted(map(str, outcomes)) == ["InsufficientFunds", "None"] and left == 20,
            f"Two payments of 80 from 100 cents: {outcomes[0] or 'done'} and {outcomes[1] or 'done'}, {left} cents left.",
            idea=ONE_STEP,
        )


@scenario
def opposite(student: Any) -> list[Any]:
    bank = student.Bank({"zoe": 50, "ann": 50})
    together(
        lambda: bank.transfer("zoe", "ann", 10), lambda: bank.transfer("ann", "zoe", 20), names=("payer 1", "payer 2")
    )
    return [bank.balance("zoe"), bank.balance("ann")]


@scenario
def opposite_and_again(student: Any) -> list[Any]:
    bank = student.Bank({"zoe": 50, "ann": 40})

    def payer() -> None:
        bank.transfer("zoe", "ann", 30)
        bank.transfer("zoe", "ann", 1)

    together(payer, lambda: bank.transfer("ann", "zoe", 21), names=("payer 1", "payer 2"))
    return [bank.balance("zoe"), bank.balance("ann")]


@kind("schedules")
def test_opposite_transfers_always_end(explore: Explore) -> None:
    """Transfers in opposite directions always end, with the right balances"""
    for balances in explore(opposite, schedules=200, seconds=1.0):
        expect(balances == [60, 40], f"50 and 50 cents, 10 went over and 20 back: {balances}.", idea=ONE_ORDER)
    for balances in explore(opposite_and_again, schedules=300, seconds=1.5):
        expect(balances == [40, 50], f"50 and 40 cents, 31 went over and 21 back: {balances}.", idea=ONE_ORDER)


@scenario
def ring(student: Any) -> list[Any]:
    bank = student.Bank({"max": 50, "zoe": 50, "ann": 50})
    together(
        lambda: bank.transfer("zoe", "max", 1),
        lambda: bank.transfer("max", "ann", 2),
        lambda: bank.transfer("ann", "zoe", 3),
        names=("payer 1", "payer 2", "payer 3"),
    )
    return [bank.balance(name) for name in ("zoe", "max", "ann")]


@kind("schedules")
def test_transfers_in_a_ring_always_end(explore: Explore) -> None:
    """Three transfers in a ring always end, with the right balances"""
    for balances in explore(ring, schedules=200, seconds=1.5):
        expect(balances == [52, 49, 49], f"50, 50 and 50 cents after a ring of 1, 2 and 3: {balances}.", idea=ONE_ORDER)


@scenario
def payout_and_transfers(student: Any) -> list[Any]:
    bank = student.Bank({"max": 50, "till": 50, "ann": 50})
    together(
        lambda: bank.payout("till", {"max": 5, "ann": 5}),
        lambda: bank.payout("max", {"ann": 3, "till": 3}),
        names=("payout 1", "payout 2"),
    )
    together(
        lambda: bank.payout("till", {"max": 5, "ann": 5}),
        lambda: bank.transfer("ann", "max", 7),
        names=("payout", "payer"),
    )
    return [bank.balance(name) for name in ("till", "max", "ann")]


@kind("schedules")
def test_payouts_beside_transfers_always_end(explore: Explore) -> None:
    """Payouts beside each other and beside a transfer always end, with the right balances"""
    for balances in explore(payout_and_transfers, schedules=200, seconds=1.5):
        expect(
            balances == [33, 61, 56],
            f"50, 50 and 50 cents after three payouts and a transfer: {balances}; 33, 61 and 56 were due.",
            idea=ONE_ORDER,
        )


@scenario
def transfer_and_audit(student: Any) -> Any:
    bank = student.Bank({"zoe": 60, "max": 20, "ann": 40})
    return together(lambda: bank.transfer("zoe", "ann", 10), bank.audit, names=("payer", "auditor"))[1]


@scenario
def payouts_and_audit(student: Any) -> Any:
    bank = student.Bank({"zoe": 60, "max": 20, "ann": 40})
    return together(
        lambda: bank.payout("ann", {"zoe": 10, "max": 5}),
        bank.audit,
        lambda: bank.transfer("zoe", "ann", 5),
        names=("payout", "auditor", "payer"),
    )[1]


@kind("schedules")
def test_an_audit_counts_every_cent_once(explore: Explore) -> None:
    """During a transfer audit counts every cent exactly once"""
    for total in explore(transfer_and_audit, bound=2, schedules=800, seconds=1.5):
        expect(total == 120, f"During a transfer audit() counted {total} of 120 cents.", idea=ONE_MOMENT)
    for total in explore(payouts_and_audit, schedules=200, seconds=1.5):
        expect(total == 120, f"During a payout audit() counted {total} of 120 cents.", idea=ONE_MOMENT)


@scenario
def giving_up(student: Any) -> list[Any]:
    bank = student.Bank({"zoe": 50, "ann": 50})
    outcomes = together(
        lambda: outcome_of(lambda: bank.transfer("zoe", "ann", 10, timeout=1)),
        lambda: outcome_of(lambda: bank.payout("ann", {"zoe": 20}, timeout=1)),
        names=("payer 1", "payer 2"),
    )
    together(lambda: bank.transfer("zoe", "ann", 1), names=("next payer",))
    return [outcomes, bank.balance("zoe"), bank.balance("ann")]


@kind("schedules")
def test_a_transfer_that_gives_up_has_moved_nothing(explore: Explore) -> None:
    """A transfer that gives up has moved nothing and has no account"""
    for outcomes, zoe, ann in explore(giving_up, adversarial_timeouts=True, schedules=300, seconds=1.5):
        expect(
            set(outcomes) <= {None, "Busy"},
            f"Two transfers with a timeout: {outcomes[0] or 'done'} and {outcomes[1] or 'done'}.",
            idea="With enough money a transfer is done, or Busy.",
        )
        moved = 1 + (10 if outcomes[0] is None else 0) - (20 if outcomes[1] is None else 0)
        expect(
            [zoe, ann] == [50 - moved, 50 + moved],
            f"10 cents over: {outcomes[0] or 'done'}; 20 back: {outcomes[1] or 'done'}; 1 over: done. "
            f"50 and 50 cents are now {zoe} and {ann}.",
            idea=ALL_OR_NOTHING,
        )


@scenario
def beside_a_clerk(student: Any, waiting: bool) -> list[Any]:
    bank = student.Bank({"zoe": 50, "max": 50, "ann": 50, "bob": 50})

    def waiting_payer() -> None:
        time.sleep(0.1)
        if waiting:
            bank.transfer("ann", "zoe", 1)

    def payer() -> list[Any]:
        time.sleep(0.2)
        return timed(lambda: bank.transfer("max", "bob", 1, timeout=5))

    return together(lambda: keep(bank, "zoe", 1), waiting_payer, payer, names=("clerk", "waiting payer", "payer"))[2]


@kind("bounds")
def test_a_clerk_stops_no_other_account(explore: Explore) -> None:
    """A clerk who holds one account keeps transfers between others not waiting"""
    for outcome, seconds in explore(beside_a_clerk, False, schedules=10, points=60_000):
        expect(
            outcome is None and seconds < SLACK,
            f"While a clerk had zoe, a transfer from max to bob: {outcome or 'done'} after {seconds:.2f} s.",
            idea="hold locks one account. What else is locked while its block runs?",
        )


@kind("bounds")
def test_a_transfer_that_waits_stops_no_other_account(explore: Explore) -> None:
    """A transfer that waits for a held account keeps transfers between others not waiting"""
    for outcome, seconds in explore(beside_a_clerk, True, schedules=10, points=60_000):
        expect(
            outcome is None and seconds < SLACK,
            f"While another transfer waited for a clerk's account, one from max to bob: {outcome or 'done'} after "
            f"{seconds:.2f} s.",
            idea="Nobody may wait for an account while he has something that everybody needs.",
        )


@kind("hygiene")
def test_nothing_is_left_behind(submission: Submission) -> None:
    """No thread is left when the bank is no longer used"""
    submission.run(move_money)
    submission.finish().expect_none()
