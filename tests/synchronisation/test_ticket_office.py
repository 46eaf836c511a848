"""Checks of ticket_office."""

from __future__ import annotations

import contextlib
from typing import Any

from grader.explore import overlapped, together
from grader.judge import Explore, Submission, expect, kind, scenario

EXERCISE = "ticket_office"
ONE_STEP = "Check and update must be one step for other threads: who may come in between them?"
ONE_MOMENT = "All numbers of one answer must be of the same moment. What may change while you collect them?"


@scenario
def use(student: Any) -> list[Any]:
    office = student.TicketOffice({"gig": 3, "play": 1})
    seen = [office.reserve("gig"), office.reserve("gig", 2), office.reserve("gig"), office.reserve("play", 2)]
    seen.append(office.remaining("gig"))
    office.cancel("gig", 2)
    seen += [office.remaining("gig"), office.remaining("play"), dict(office.totals())]
    return seen


@kind("correctness")
def test_seats_are_sold_and_taken_back(submission: Submission) -> None:
    """reserve sells all n seats or none, cancel takes them back, totals tells both numbers"""
    seen = submission.run(use)
    expect(
        seen[:4] == [True, True, False, False],
        f"Three seats: reserve 1, 2 and 1 more, then 2 of the single seat of another event: {seen[:4]}; "
        "True, True, False, False was due.",
        idea="A reservation is all or nothing, and it answers with True or False.",
    )
    expect(
        seen[4:7] == [0, 2, 1],
        f"Seats left after that: {seen[4]}; after cancelling 2: {seen[5]}; of the other event: {seen[6]}. Due: 0, 2, 1.",
        idea="Sold and remaining of an event always add up to its seats.",
    )
    totals = {event: tuple(pair) for event, pair in seen[7].items()}
    expect(
        totals == {"gig": (1, 2), "play": (0, 1)},
        f"totals() gave {totals}.",
        idea="totals maps each event to (sold, remaining).",
    )


@scenario
def swap_seats(student: Any) -> list[Any]:
    office = student.TicketOffice({"gig": 2, "play": 1})
    office.reserve("gig", 2)
    return [office.swap("gig", "play"), office.swap("gig", "play"), dict(office.totals())]


@kind("correctness")
def test_swap_moves_one_seat_or_none(submission: Submission) -> None:
    """swap gives one seat back and sells one of the other event; when that is full, nothing changes"""
    first, second, totals = submission.run(swap_seats)
    expect(
        first is True and second is False,
        f"Two swaps to an event with one seat gave {first} and {second}; True and False were due.",
        idea="Look whether there is room before anything is given back.",
    )
    expect(
        {event: tuple(pair) for event, pair in totals.items()} == {"gig": (1, 1), "play": (1, 0)},
        f"After one swap that worked and one that did not, totals() gave {totals}.",
        idea="A swap that does not work changes nothing.",
    )


@scenario
def error_then_reserve(student: Any) -> Any:
    office = student.TicketOffice({"gig": 2, "play": 1})

    def fail() -> None:
        for call in (
            lambda: office.cancel("gig"),
            lambda: office.reserve("opera"),
            lambda: office.swap("gig", "opera"),
            lambda: office.swap("opera", "play"),
        ):
            with contextlib.suppress(KeyError, ValueError):
                call()

    together(fail)
    return office.reserve("gig")


@kind("failure")
def test_an_error_leaves_no_lock_behind(explore: Explore) -> None:
    """After a call that raised, the next reservation works"""
    for sold in explore(error_then_reserve, schedules=20):
        expect(sold is True, f"After errors in other calls, reserve gave {sold}.", idea="Errors must change nothing.")


@scenario
def wrong_calls(student: Any) -> list[str]:
    office = student.TicketOffice({"gig": 2})
    office.reserve("gig")
    calls = {
        "reserve of an unknown event": lambda: office.reserve("opera"),
        "cancel of an unknown event": lambda: office.cancel("opera"),
        "remaining of an unknown event": lambda: office.remaining("opera"),
        "swap from an unknown event": lambda: office.swap("opera", "gig"),
        "swap to an unknown event": lambda: office.swap("gig", "opera"),
        "reserve of 0 seats": lambda: office.reserve("gig", 0),
        "cancel of -1 seats": lambda: office.cancel("gig", -1),
        "cancel of more than were sold": lambda: office.cancel("gig", 2),
    }
    seen = []
    for name, call in calls.items():
        try:
            call()
        except (KeyError, ValueError) as error:
            seen.append(f"{name}: {type(error).__name__}")
        else:
            seen.append(f"{name}: no error")
    return [*seen, f"left: {office.remaining('gig')}"]


@kind("failure")
def test_wrong_calls_raise_and_change_nothing(submission: Submission) -> None:
    """An unknown event is a KeyError, fewer than one seat or more than were sold a ValueError; nothing changes"""
    *seen, left = submission.run(wrong_calls)
    for line in seen:
        due = "KeyError" if "unknown" in line else "ValueError"
        expect(line.endswith(due), f"{line}; {due} was due.", idea="Check the arguments before anything changes.")
    expect(
        left == "left: 1",
        f"One of two seats was sold; after eight wrong calls: {left}.",
        idea="A call that raises must not have changed anything before.",
    )


@scenario
def change_totals(student: Any) -> list[Any]:
    office = student.TicketOffice({"gig": 2})
    before = office.totals()
    try:
        before["gig"] = (2, 0)
        changed = True
    except Exception:
        changed = False
    return [changed, office.remaining("gig")]


@kind("correctness")
def test_totals_are_read_only(submission: Submission) -> None:
    """What totals() gave cannot be changed"""
    changed, left = submission.run(change_totals)
    expect(
        not changed,
        f"`totals()['gig'] = (2, 0)` was possible; the office then had {left} of 2 seats left.",
        idea="types.MappingProxyType gives a view that nobody can write through.",
    )


@scenario
def totals_then_reserve(student: Any) -> list[Any]:
    office = student.TicketOffice({"gig": 2})
    before = office.totals()
    first = tuple(before["gig"])
    office.reserve("gig", 2)
    return [first, tuple(before["gig"])]


@kind("correctness")
def test_totals_keep_their_moment(submission: Submission) -> None:
    """What totals() gave does not change when seats are sold later"""
    first, later = submission.run(totals_then_reserve)
    expect(
        first == (0, 2) and later == first,
        f"totals() said {first} for an event; after two more sales the same answer says {later}.",
        idea="A view of your own dictionary shows every later change. What is a moment made of?",
    )


@scenario
def last_seat(student: Any) -> list[Any]:
    office = student.TicketOffice({"gig": 1})
    sold = together(lambda: office.reserve("gig"), lambda: office.reserve("gig"), names=("buyer 1", "buyer 2"))
    return [*sold, office.remaining("gig")]


@kind("schedules")
def test_last_seat_is_sold_once(explore: Explore) -> None:
    """Two buyers, one seat: exactly one gets it"""
    for first, second, left in explore(last_seat, bound=2, schedules=800, seconds=1.5):
        expect(not (first and second), "Two buyers got the last seat.", idea=ONE_STEP)
        expect(first or second, "Neither of two buyers got the last seat.", idea=ONE_STEP)
        expect(left == 0, f"One seat was sold, and {left} of 1 are left.", idea=ONE_STEP)


@scenario
def three_buyers(student: Any) -> list[Any]:
    office = student.TicketOffice({"gig": 2})

    def buy() -> Any:
        return office.reserve("gig")

    return [*together(buy, buy, buy, names=("buyer 1", "buyer 2", "buyer 3")), office.remaining("gig")]


@kind("schedules")
def test_three_buyers_share_two_seats(explore: Explore) -> None:
    """Three buyers, two seats: exactly two get one"""
    for *sold, left in explore(three_buyers, schedules=200, seconds=1.5):
        expect(
            sold.count(True) == 2 and left == 0,
            f"{sold.count(True)} of three buyers got one of two seats; {left} are left.",
            idea=ONE_STEP,
        )


@scenario
def reserve_and_cancel(student: Any) -> int:
    office = student.TicketOffice({"gig": 4})
    office.reserve("gig", 2)
    together(lambda: office.reserve("gig"), lambda: office.cancel("gig"), names=("buyer", "seller"))
    return int(office.remaining("gig"))


@kind("schedules")
def test_reserve_and_cancel_do_not_lose_each_other(explore: Explore) -> None:
    """One seat is sold while another is taken back: the count stays"""
    for left in explore(reserve_and_cancel, bound=2, schedules=800, seconds=1.5):
        expect(
            left == 2,
            f"Of 2 seats left, one was sold and one came back, and {left} are left: one change was lost.",
            idea="Every change of a number must exclude every other change of it. Which lock does each of them hold?",
        )


@scenario
def swap_and_totals(student: Any) -> list[tuple[int, int]]:
    office = student.TicketOffice({"gig": 2, "play": 3})
    office.reserve("gig", 2)
    _, totals = together(lambda: office.swap("gig", "play"), office.totals, names=("swapper", "auditor"))
    return [tuple(totals["gig"]), tuple(totals["play"])]


@kind("schedules")
def test_totals_never_see_half_a_swap(explore: Explore) -> None:
    """While a seat is swapped, totals() counts it exactly once"""
    for (gig, gig_left), (play, play_left) in explore(swap_and_totals, bound=2, schedules=800, seconds=1.5):
        expect(
            gig + play == 2,
            f"Two seats are sold, and during a swap totals() counted {gig + play} ({gig} and {play}).",
            idea=ONE_MOMENT,
        )
        expect(
            gig + gig_left == 2 and play + play_left == 3,
            f"totals() said {gig} sold and {gig_left} left of 2, {play} sold and {play_left} left of 3.",
            idea=ONE_MOMENT,
        )


@scenario
def opposite_swaps(student: Any) -> list[Any]:
    office = student.TicketOffice({"play": 4, "gig": 4})
    office.reserve("gig", 2)
    office.reserve("play", 2)
    together(lambda: office.swap("gig", "play"), lambda: office.swap("play", "gig"), lambda: office.swap("gig", "gig"))
    return [office.remaining("gig"), office.remaining("play")]


@kind("schedules")
def test_opposite_swaps_never_stand_still(explore: Explore) -> None:
    """Swaps in both directions, and of an event with itself, end and change no count"""
    for left in explore(opposite_swaps, schedules=200, seconds=1.5):
        expect(left == [2, 2], f"Two seats of each event were left; after opposite swaps {left}.", idea=ONE_STEP)


@scenario
def two_offices(student: Any) -> bool:
    first, second = student.TicketOffice({"gig": 2}), student.TicketOffice({"gig": 2})
    return overlapped(lambda: first.reserve("gig"), lambda: second.reserve("gig"))


@kind("bounds")
def test_two_offices_never_wait_for_each_other(explore: Explore) -> None:
    """A sale in one office can run while another office is in the middle of one"""
    expect(
        explore.possible(two_offices),
        "Office B waited for office A: in no schedule could B sell a seat while A was selling one.",
        idea="What do the two offices share, though none of their seats is shared? Where is your lock made?",
    )


@scenario
def readers(student: Any) -> list[Any]:
    office = student.TicketOffice({"gig": 2, "play": 1})
    return together(lambda: office.remaining("gig"), office.totals, lambda: office.remaining("play"))[::2]


@kind("schedules")
def test_readers_never_stand_still(explore: Explore) -> None:
    """Asking for what remains from several threads always ends, with the right numbers"""
    for left in explore(readers, schedules=200, seconds=1.5):
        expect(left == [2, 1], f"Of 2 and 1 seats, {left} were said to be left.", idea=ONE_MOMENT)


@kind("hygiene")
def test_nothing_is_left_behind(submission: Submission) -> None:
    """No thread is left when the offices are no longer used"""
    submission.run(use)
    submission.finish().expect_none()
