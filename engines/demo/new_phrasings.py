"""Whole requests in other words, for the file that shows what tuning does beyond its own sentences.

They occur in no row of the corpus, of the tuning data or of the other test.
"""

HELD_OUT_REQUESTS = (
    "Any chance you could squeeze {count} of us in {day} night? {Time} would be ideal. Cheers, {name}",
    "We'd love to eat there {day}. There'll be {count} at the table and we'd arrive at {time}. It's {name}.",
    "Got anything free {day} {time}? We're {count}, and the person to ask for is {name}.",
    "Pencil {name} in, would you? {Count} hungry people, {day}, {time} sharp.",
    "Hey folks, {name} again, wondering whether {time} this {day} is still open with {count} chairs.",
    "{name} wants to celebrate at your place {day} starting {time}, head count {count}.",
    "Save us a spot {day}, will you? {Time}, {count} heads, {name}.",
    "I'm planning a meal with friends on {day}: {count} in total, sitting down at {time}. Signed, {name}.",
    "Would {time} be fine {day}? We'd bring {count} along. {name} is who I am.",
    "My family and I ({count} altogether) want to drop by {day} at {time}. Surname and first name: {name}.",
    "{Day} {time}, please set up for {count}. Reservation holder is {name}.",
    "Greetings from {name}! Might {count} of us dine {day}, {time}?",
    "Are you open {day}? If so, {count} covers at {time}, guest name {name}.",
    "Kindly arrange dining for {count} persons, {day}, {time}, on behalf of {name}.",
    "{name} calling about {day}. {Count} diners, and we'd get there {time}.",
    "How busy are you {day}? I'd turn up at {time} with a crew of {count}. {name}'s the name.",
    "Thinking of treating my team {day}, {time}. {Count} mouths to feed. Contact: {name}.",
    "It's {name}; my usual table {day} if possible, {count} this time, {time}.",
    "Shall we say {day}, {time}? I'm bringing everyone, so {count}. Yours truly, {name}.",
    "Add {name} to {day}'s list: {time}, {count} pax.",
    "{Count} for supper {day}. We finish work late so {time}. Regards from {name}",
    "Do me a favour and block {time} {day}, {count} folks, {name}.",
    "Hiya, need somewhere to sit {count} on {day}. Arriving {time}. I go by {name}.",
    "Our anniversary falls on {day}! {Count} of us, {time}. You'll find me as {name}.",
    "To whom it may concern: {name} requests your hospitality {day} at {time}, {count} attendees.",
    "{Time} {day} works for everybody here, that's {count} friends plus no dogs. {name}.",
    "Reserve under {name} -> {day} -> {time} -> {count}",
    "who: {name} | when: {day} {time} | how many: {count}",
)
