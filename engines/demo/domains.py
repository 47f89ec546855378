"""What people ask for in the demonstration's chats: tables, and seven other things.

A wording has slots in braces: {count} for how many, {place} for the name of the house.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Domain:
    """One kind of request.

    Args:
        title: what it is called here.
        desks: system prompts; {place} is the name of the house.
        counted: what is asked for, with {count} in it; empty when nothing is counted.
        plain: what is asked for, without a number.
        count_key: the JSON key of the number.
        unit: one and many of what is counted, for the answer in prose.
        answer: what the answer in prose calls it.
    """

    title: str
    desks: tuple[str, ...]
    counted: tuple[str, ...]
    plain: tuple[str, ...]
    count_key: str
    unit: tuple[str, str]
    answer: str


TABLE = Domain(
    title="table",
    desks=(
        "You are the booking desk of the {place} restaurant.",
        "You take table bookings for the restaurant {place}.",
        "You answer the phone at {place}, a small restaurant.",
        "You are the host of the {place} restaurant. Guests write to book a table.",
    ),
    counted=(
        "a table for {count}",
        "a table for {count}",
        "a table for {count} people",
        "a table for {count} guests",
        "a table for {count} persons",
        "dinner for {count}",
        "a dinner table for {count}",
        "{count} seats",
        "{count} places",
        "a quiet table for {count}",
        "a table by the window for {count}",
        "a booking for {count}",
        "a reservation for {count} people",
        "a table for a party of {count}",
        "a table for a group of {count}",
        "a table with {count} seats",
        "a round table for {count}",
        "seats for {count}",
        "a corner table for {count}",
        "a nice table for {count} of us",
        "an evening meal for {count}",
        "room for {count}",
    ),
    plain=("a table", "a reservation", "a booking", "a quiet table", "a dinner table", "a table outside"),
    count_key="guests",
    unit=("guest", "guests"),
    answer="a table",
)

DOMAINS = (
    Domain(
        "boat",
        ("You are the desk of the {place} boat tours.", "You plan trips on the river boat {place}."),
        (
            "a boat tour for {count}",
            "a boat trip for {count} people",
            "{count} places on the boat",
            "a tour for {count}",
            "a river trip for a group of {count}",
            "a trip for {count} guests",
            "room for {count} on the boat",
        ),
        ("a boat tour", "a trip on the river", "the boat"),
        "guests",
        ("guest", "guests"),
        "a boat tour",
    ),
    Domain(
        "museum",
        ("You are the desk of the {place} museum.", "You plan guided tours at the museum of {place}."),
        (
            "a guided tour for {count}",
            "a museum tour for {count} people",
            "a tour for a party of {count}",
            "a visit for {count}",
            "a visit with {count} guests",
            "{count} places on the tour",
        ),
        ("a guided tour", "a visit", "the museum tour"),
        "guests",
        ("guest", "guests"),
        "a guided tour",
    ),
    Domain(
        "room",
        ("You give out the meeting rooms of {place}.", "You are the office desk at {place}."),
        (
            "a meeting room for {count}",
            "a room for {count} people",
            "a room with {count} seats",
            "seats for {count}",
            "a meeting of {count} people",
            "a room for a group of {count}",
            "an office for {count} persons",
        ),
        ("a meeting room", "a quiet room", "the large room"),
        "guests",
        ("person", "people"),
        "a meeting room",
    ),
    Domain(
        "concert",
        ("You sell tickets for the {place} hall.", "You are the ticket desk of the cinema {place}."),
        (
            "{count} tickets",
            "tickets for {count}",
            "{count} seats for the concert",
            "{count} cinema tickets",
            "seats for {count} people",
            "{count} tickets for the show",
        ),
        ("tickets", "seats for the show", "cards for the concert"),
        "tickets",
        ("ticket", "tickets"),
        "the show",
    ),
    Domain(
        "taxi",
        ("You are the {place} taxi service.", "You send out the taxis of {place}."),
        (
            "a taxi for {count}",
            "a car for {count} people",
            "a taxi with {count} seats",
            "a ride for {count}",
            "a cab for a group of {count}",
        ),
        ("a taxi", "a car", "a ride to the station"),
        "seats",
        ("seat", "seats"),
        "a taxi",
    ),
    Domain(
        "hair",
        ("You are the desk of the {place} hair salon.", "You plan the day at the salon {place}."),
        (),
        ("a haircut", "an appointment", "a new haircut", "a short haircut", "an appointment with Kim"),
        "",
        ("", ""),
        "a haircut",
    ),
    Domain(
        "doctor",
        ("You are the front desk of doctor {place}.", "You plan the appointments of the dentist {place}."),
        (),
        ("an appointment", "a check", "an appointment for my son", "a visit", "a time with the doctor"),
        "",
        ("", ""),
        "an appointment",
    ),
)
