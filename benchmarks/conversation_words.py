"""The words of the made-up conversations, and how they are put together; see `conversation`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Formatter


@dataclass(frozen=True, slots=True)
class Topic:
    """A sort of event; `asked` holds pairs of what is asked for and how."""

    slots: Mapping[str, Sequence[str]]
    told: Sequence[str]
    asked: Sequence[tuple[str, str]]
    asked_when: Sequence[str]
    asked_on: Sequence[str]
    asked_all: Sequence[str]
    chat: Sequence[str]
    theme: Sequence[str]


def slots_of(template: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def filled(template: str, words: Mapping[str, str]) -> str:
    """The template with these words, as English wants it: capitals, and "an" before a vowel."""
    text = re.sub(r"\b([Aa]) (?=[aeio]|umb|uph)", r"\1n ", template.format_map(words))
    return re.sub(r"(^|[.!?] )([a-z])", lambda found: found[1] + found[2].upper(), text)


def _lines(text: str) -> list[str]:
    return text.strip().splitlines()


def _blocks(text: str) -> list[dict[str, list[str]]]:
    """The lines of each block by their first character."""
    blocks: list[dict[str, list[str]]] = []
    for block in text.strip().split("\n\n"):
        lines: dict[str, list[str]] = defaultdict(list)
        for line in block.splitlines():
            lines[line[0]].append(line[2:])
        blocks.append(lines)
    return blocks


def _choices(lines: Sequence[str]) -> dict[str, Sequence[str]]:
    """Of lines such as `who: my sister; my brother`."""
    pairs = (line.partition(": ") for line in lines)
    return {name: choices.split("; ") for name, _, choices in pairs}


def _topic(lines: Mapping[str, Sequence[str]]) -> Topic:
    asked = [(slot, text) for slot, _, text in (line.partition(": ") for line in lines["?"])]
    slots, told = _choices(lines["="]), lines["+"]
    rest = [lines[mark] for mark in "@!*~-"]
    return Topic(slots, told, asked, *rest)


_COMMON_LINES = """
people: Alice; Andrew; Brian; Carla; Daniel; Emma; Frank; Grace; Henry; Irene; Jack; Kate; Laura; \
Martin; Nina; Oliver; Paula; Peter; Rachel; Robert; Sarah; Simon; Sophie; Tom; Ursula; Victor; \
Wendy; Ben; Julia; Michael
town: Marlow Bay; Pinecrest; Elm Hollow; Port Arden; Saltmarsh; Kestrel Ridge; Old Harbour; \
Whitford; Lindenau; Greywater; Santa Brisa; Fallowfield; Cedar Point; Thornby; Lake Miren; \
Osterby; Redcliff; Valmora; Hazelwick; Northgate; Brightwater; Castellan; Dunmore; Amberley
place of: Copper; Juniper; Tanner's; Magpie; Quarry; Saint Vera's; Lantern; Weaver's; Barley; \
Falcon; Orchard; Miller's; Badger; Cobbler's; Foundry; Heron; Ivory; Kingfisher; Larch; Mulberry; \
Nettle; Otter; Plum; Raven; Sandpiper; Thistle; Vine; Willow; Yarrow; Bishop's
place kind: Hill; Bridge; Cross; Green; End; Mills; Gate; Corner
ago: yesterday; last Saturday; two days ago; last week; on Sunday; this morning; last weekend; \
on Tuesday evening; the day before yesterday; on Friday
women: my sister; my cousin; my colleague; my neighbour; my stepmother; my aunt; my flatmate; \
my niece; my boss; my mother-in-law; my friend; my grandmother
men: my brother; my cousin; my colleague; my neighbour; my stepfather; my uncle; my flatmate; \
my nephew; my boss; my father-in-law; my friend; my grandfather
women named: Isolde; Mirela; Tamsin; Beatriz; Greta; Ximena; Leonie; Zelda; Dagny; Imani; Valeria; \
Elif; Rosalind; Petra; Amara; Nadia; Odile; Sunniva; Fenna; Marisol
men named: Bram; Kaveh; Oskar; Yusuf; Anselm; Farid; Hamish; Samir; Quentin; Jonas; Wendell; \
Mateo; Desmond; Callum; Ulrich; Casimir; Ruben; Tobias; Ignatius; Lorcan
"""

# Of a topic: `=` slots, `+` how it is told, `?` what is asked for and how, `@` when, `!` by day,
# `*` all of them, `~` talk about it. A thing may have another name after `|`.
_TOPIC_LINES = """
= thing: half marathon|long-distance race; charity race|run for a good cause; night run; trail \
race|cross-country event; relay race|team race; ten-kilometre run|10k; colour run; uphill \
race|mountain run
= detail: I finished in under two hours; I twisted my ankle near the end; I came in third; I had \
to walk the last bit; I beat my best time; I threw up at the finish
+ I ran the {thing} in {place} {ago}, and {who} ran it with me.
+ So {ago} was the {thing}, and {detail}. I still cannot believe it.
+ My legs hurt: {ago} I did that {thing} over in {place} and {detail}.
? place: Where did {name} run the {thing}?
? who: Who joined {name} for the {thing}?
? detail: How did the {thing} go for {name}?
? thing: Which race did {name} do in {place}?
@ When did {name} run the {thing}?
! Which race did {name} tell of on {date}?
* Which runs and races has {name} taken part in?
~ How long did you train for the {thing}?
~ I was so nervous before the {thing} that I hardly slept.
~ Would you do a {thing} again?
- Running clears my head, whatever happened during the day.
- Do you listen to music when you run, {you}?
- I admire your discipline, {you}. I get out of breath on the stairs.
- New shoes made all the difference, my knees thank me.
- There is nothing like crossing a finish line, whatever the clock says.
- The people along the course cheer for everybody, even for the last one.
- What is the next race on your list?

= thing: lakeside campsite|camp by the water; beach camp|tents by the sea; forest cabin|hut in the \
woods; mountain hut|alpine lodge; canoe trip|paddling tour; caravan site; treehouse; desert camp
= detail: it rained the whole night; we saw shooting stars; a fox stole our breakfast; the tent \
pole broke; we roasted chestnuts over the fire; nobody had packed a lighter
+ We are back from camping, this time the {thing} near {place}, and {detail}. {who} came too.
+ I spent two nights outdoors at a {thing} {ago} with {who}, and {detail}.
+ You should see {place}! We went camping there {ago}, at a {thing}.
? who: Who was with {name} at the {thing}?
? detail: What happened to {name} at the {thing}?
? place: Where was the {thing} where {name} went camping?
? thing: Where did {name} stay near {place}?
@ When was {name} at the {thing}?
! Where had {name} been camping, as told on {date}?
* Where has {name} gone camping?
~ Is the {thing} a place for children as well?
~ Nights at the {thing} are colder than one would think.
~ I could live at that {thing} all summer.
- Being outdoors makes me forget the office within an hour.
- Did you sleep well in the tent, {you}?
- I love to sit by the fire and hear nothing but the trees.
- Camping with the family is what the children talk about for months.
- Coffee tastes better in the open air, that is a fact.
- You are braver than me, {you}. I need a shower and a door that locks.
- Nature gives me back my patience.

= thing: pottery class|ceramics lesson; woodworking course|carpentry lessons; sewing \
class|dressmaking lessons; glassblowing workshop; bookbinding course; basket weaving class; soap \
making workshop; jewellery course|silversmith lessons
= detail: a lopsided bowl; a little box; a birthday present; something that fell apart at once; a \
set of four; a thing that nobody can name
+ I signed up for a {thing} {ago}. {who} talked me into it.
+ The {thing} in {place} is great, I have already made {detail}.
+ First evening of the {thing} was {ago}. I came home with {detail} and glue in my hair.
? who: Who talked {name} into the {thing}?
? detail: What did {name} make in the {thing}?
? place: Where does {name} attend the {thing}?
? thing: What craft does {name} learn in {place}?
@ When did {name} sign up for or start the {thing}?
! Which class or course did {name} mention on {date}?
* Which classes and crafts has {name} started?
~ What made you choose a {thing}?
~ The {thing} is the calmest hour of my week.
~ How many people are in the {thing}?
- Making things with my hands is like therapy for me.
- I am all thumbs, {you}, you must have patience.
- It is lovely to see something grow out of raw material.
- Do you want to sell what you make one day?
- The teacher says that mistakes are the best part of a craft.
- I get so lost in it that I forget to look at the clock.
- Learning something new at our age keeps one young, {you}.

= thing: violin|string instrument; clarinet|woodwind; accordion|squeezebox; drums|percussion; \
cello; ukulele; saxophone; harp
= detail: an old folk tune; the scale of G; a lullaby; a film theme; one single chord; a wedding \
march
+ I bought a second-hand {thing} from {who} {ago}, and I can already play {detail}.
+ After ten years I have started to play the {thing} again, with a teacher in {place}.
+ Lesson three on the {thing} was {ago}: {detail}, over and over. Poor neighbours!
? who: From whom did {name} buy the {thing}?
? detail: What does {name} play on the {thing}?
? place: Where does {name} have a teacher for the {thing}?
? thing: Which instrument does {name} play that came from {who}?
@ When did {name} buy or practise the {thing}?
! Which instrument did {name} talk about on {date}?
* What instruments does {name} play?
~ Do you practise the {thing} every day?
~ My fingers ache from the {thing}.
~ I had no idea that you like the {thing}.
- Music gets me through the hard days.
- Do you read notes or do you play by ear, {you}?
- One day we will play a duet, you and I!
- I practise in the bathroom, the sound is best there.
- I admire people who can play in front of others.
- When I make music, I am not thinking of anything else.
- The first weeks sound awful, that is the same for every instrument.

= thing: sunrise|dawn; harbour|boats; self-portrait|own face; old mill; horse; bowl of \
lemons|fruit; snowy street|winter scene; lighthouse
= detail: in oils; in watercolour; with a palette knife; in charcoal; on an old door; in ink
+ I painted a {thing} {ago}, {detail} this time, and gave it to {who}.
+ My painting of the {thing} hangs in the little gallery in {place} now! I did it {detail}.
+ Finally finished the canvas with the {thing} {ago}, {detail}. It dries in the hall.
? who: Who got {name}'s painting of the {thing}?
? detail: How did {name} paint the {thing}?
? place: Where does {name}'s {thing} hang in a gallery?
? thing: Which of {name}'s paintings is shown in {place}?
@ When did {name} paint the {thing}?
! Which painting did {name} mention on {date}?
* What has {name} painted?
~ How long did the {thing} take you?
~ The colours of the {thing} gave me trouble.
~ A {thing} would look good above my sofa.
- Painting lets me say what I have no words for.
- What inspires you when you paint, {you}?
- I could look at your pictures for hours, {you}.
- Mixing colours calms me down after a long day.
- Art does not have to be perfect, it has to be honest.
- I would love to see the canvas when it is dry.
- Have you thought of having an exhibition?

= thing: puppy|young dog; kitten|small cat; parrot|bird; tortoise|reptile; rabbit; hamster|rodent; \
pony; ferret
= detail: Biscuit; Pepper; Captain; Mabel; Ziggy; Noodle; Clementine; Admiral
+ We have adopted a {thing} {ago}! {detail} is asleep on my shoes.
+ The {thing} came to us from a shelter in {place}, and we call it {detail}.
+ Guess what, {who} gave me a {thing} {ago}. The name is {detail}.
? detail: What is the name of {name}'s {thing}?
? place: From where did {name} get the {thing}?
? who: Who gave the {thing} to {name}?
? thing: What kind of animal is {name}'s {detail}?
@ When did {name} get the {thing}?
! What new animal did {name} tell of on {date}?
* Which pets does {name} have?
~ Does the {thing} let you sleep?
~ The {thing} has chewed up a cushion already.
~ I always wanted a {thing} when I was small.
- Animals do not care what sort of day you had, they just love you.
- Does it get along with the others in the house, {you}?
- Send pictures, {you}! I cannot get enough of animals.
- The vet says that everything is fine and that we should feed less.
- Having a pet changes the whole rhythm of a home.
- Mine waits behind the door every evening.
- I find hair on every pair of trousers that I own.

= thing: mushroom risotto|rice dish; lentil soup|stew; apple pie|dessert; dumplings; fish \
curry|spicy seafood; sourdough bread|home-baked loaf; lasagne; plum cake|fruit tart
= detail: everybody wanted seconds; I burnt the bottom; I forgot the salt; it fed twelve people; \
the kitchen looked like a battlefield; even the picky ones ate it
+ I cooked {thing} for {who} {ago}, and {detail}.
+ There was a cooking contest in {place} {ago} and I went with my {thing}: {detail}.
+ Tried the {thing} from the old notebook {ago}. Result: {detail}.
? who: For whom did {name} cook {thing}?
? detail: How did {name}'s {thing} turn out?
? place: Where did {name} enter a contest with the {thing}?
? thing: What did {name} cook for the contest in {place}?
@ When did {name} make the {thing}?
! What had {name} cooked, as told on {date}?
* What has {name} cooked or baked?
~ Will you share how you do the {thing}?
~ The secret of good {thing} is patience.
~ Now I am hungry for {thing}.
- Cooking for others is how I show that I care.
- Do you follow recipes, {you}, or do you just try?
- My kitchen is tiny, but it is my favourite room.
- Fresh herbs make the difference, I say.
- You should open a restaurant, {you}!
- I learned most dishes from watching, nobody ever wrote anything down.
- Eating together is half of the pleasure.

= thing: librarian position|library job; nursing job|hospital work; warehouse job; teaching \
post|school job; bakery job; surveyor job|land measuring; bus driver job|public transport work; \
museum guide position
= detail: they asked about my weaknesses; the panel laughed at my joke; I mixed up the floors; \
they want an answer by Monday; they offered more than I asked for; I was an hour early
+ The interview for the {thing} in {place} was {ago}, and {detail}.
+ I got the {thing}! They rang {ago}. {who} had put in a word for me.
+ About the {thing}: I had the interview {ago}, and {detail}. Fingers crossed.
? place: Where is the {thing} that {name} had an interview for?
? who: Who put in a word for {name} to get the {thing}?
? detail: What happened at {name}'s interview for the {thing}?
? thing: Which job did {name} apply for in {place}?
@ When did {name} have the interview or the news about the {thing}?
! Which job did {name} talk about on {date}?
* Which jobs has {name} applied for?
~ Is the {thing} well paid?
~ The {thing} would mean getting up at five.
~ What would your days look like with the {thing}?
- Looking for work is a job of its own.
- You deserve a good position, {you}, with all that you can do.
- I want to do something that matters to people.
- Did you have to wait long for their answer?
- My career has been more of a zigzag than a line.
- Interviews make my hands sweat.
- It would be such a chance for you, {you}!

= thing: jazz quartet|swing musicians; brass band; opera|singing drama; string quartet|chamber \
music; punk gig|loud guitars; choir evening|singers; organ recital; folk festival
= detail: the lights went out; they played three encores; my seat was behind a pillar; someone \
proposed on stage; we danced until two; the singer lost her voice
+ {who} and I went to the {thing} in {place} {ago}, and {detail}.
+ What a concert {ago}: the {thing}, and {detail}!
+ I had tickets for the {thing} over in {place}, row two, and {detail}.
? who: With whom did {name} go to the {thing}?
? place: Where did {name} hear the {thing}?
? detail: What happened when {name} was at the {thing}?
? thing: What kind of concert did {name} go to in {place}?
@ When did {name} go to the {thing}?
! Which concert did {name} rave about on {date}?
* Which concerts has {name} been to?
~ Was the {thing} sold out?
~ My ears still ring from the {thing}.
~ I have not been to a {thing} for years.
- Live music is something else than a recording.
- Who else was on stage, {you}?
- I still get goose bumps when I think of the last song.
- We should go and hear something together, {you}.
- The audience was singing along by the end.
- Music brings people together, whatever their age.
- I bought the record on the way out.

= thing: The Salt Road|the sea voyage novel; Nine Winters|the family saga; A Clock for Mara|the \
mystery novel; The Beekeeper's Map; Under Tin Roofs|the short stories; Letters to a Ferryman; The \
Quiet Engine; Halfway to Orion|the space adventure
= detail: I cried on the train; I did not see the end coming; I gave up in the middle; I read it \
in one night; the ending annoyed me; I underlined half of it
+ I have finished "{thing}" {ago}, and {detail}. {who} had lent it to me.
+ Reading "{thing}" was the best part of my week: {detail}.
+ I found a signed copy of "{thing}" in a book shop in {place} {ago}.
? who: Who lent {thing} to {name}?
? detail: What did {name} think of {thing}?
? place: Where did {name} find {thing}?
? thing: Which book did {name} find in {place}?
@ When did {name} read or find {thing}?
! Which book did {name} recommend on {date}?
* What books has {name} read or found?
~ Is "{thing}" a good present, do you think?
~ Everybody seems to be reading "{thing}" now.
~ I have "{thing}" on the pile beside my bed.
- Reading is my way to travel without leaving the sofa.
- What kind of stories do you like best, {you}?
- A good book stays with me for weeks.
- I read before I go to sleep, five pages and I am gone.
- You have such good taste in books, {you}.
- The characters felt like people I know.
- I underline too much, nobody wants to borrow from me.

= thing: tomatoes|vegetables; pear tree|orchard; beehive|honey bees; rose hedge|flowers; pumpkins; \
herb bed|kitchen herbs; pond; compost heap
= detail: the snails were faster than me; I got six baskets; it froze overnight; the neighbours \
complained; a heron visited; it smells of summer
+ Put a lot of work into the {thing} in the garden {ago}, and {detail}. {who} helped.
+ News from the garden in {place}: the {thing} did it, {detail}.
+ You asked about the {thing}. Well, {detail}.
? who: Who helped {name} with the {thing}?
? detail: What happened to {name}'s {thing}?
? place: Where does {name} have the {thing}?
? thing: What does {name} have in the garden in {place}?
@ When did {name} work on the {thing} or tell of it?
! What did {name} have to say about the garden on {date}?
* What does {name} have in the garden?
~ Do you water the {thing} every day?
~ The {thing} will want more sun than I have.
~ I would love to see the {thing} in June.
- Having my hands in the soil makes me calm.
- What are you going to plant next, {you}?
- Everything grows so slowly, and then all at once.
- My back hurts from bending, but it is worth it.
- You have green fingers, {you}!
- There is always something to do in a garden.
- I give away half of what I harvest.

= thing: gearbox|transmission; brakes; windscreen|front glass; exhaust|tailpipe; battery; left \
mirror; clutch; fuel pump
= detail: it cost four hundred; they found a mouse nest; it took ten minutes; the part comes from \
abroad; they did it for free; I have to come back on Thursday
+ The car broke down near {place} {ago}: the {thing}. {detail}.
+ Had the {thing} of my car repaired {ago}, and {detail}.
+ {who} fixed the {thing} for me {ago} in the driveway, can you imagine?
? place: Where did {name}'s car break down because of the {thing}?
? detail: What did the repair of the {thing} involve for {name}?
? who: Who fixed {name}'s {thing}?
? thing: Why did {name}'s car break down near {place}?
@ When did {name} have trouble with the {thing}?
! What was wrong with the car that {name} complained of on {date}?
* What was broken in {name}'s car?
~ Does the insurance cover the {thing}?
~ I know nothing at all about {thing} repairs.
~ Mine had the same with the {thing} last winter.
- Cars are nothing but trouble, if you ask me.
- Did the garage at least give you a lift home, {you}?
- Repairs always come when the account is empty.
- I am thinking of going by bicycle from now on.
- You poor thing, {you}, standing there at the roadside.
- Mine makes a strange noise too, I turn up the radio.
- A good mechanic is worth gold.

= thing: broken wrist|fractured arm; torn ligament|knee damage; tooth infection|dental trouble; \
sprained shoulder; concussion|head injury; kidney stone; slipped disc|back pain; burnt hand
= detail: no lifting for six weeks; I need an operation; they sent me home with pills; I slept \
sitting up; I get a blue cast; it was only half as bad
+ I was in hospital in {place} {ago} with a {thing}: {detail}.
+ Bad news, a {thing} since {ago}. {who} drove me to the doctor.
+ The {thing} is the reason I was so quiet; {detail}.
? place: Where was {name} in hospital with the {thing}?
? who: Who drove {name} to the doctor with the {thing}?
? detail: What was done about {name}'s {thing}?
? thing: Why was {name} in hospital in {place}?
@ When did {name} have the {thing}?
! What medical problem did {name} confide on {date}?
* Which injuries or illnesses has {name} had?
~ Does the {thing} still hurt?
~ With a {thing} even buttons are hard.
~ Take care of that {thing}, please.
- Health is the one thing we only notice when it is gone.
- Are you in much pain, {you}?
- The doctors were kind, but the waiting took for ever.
- Rest and do not be a hero, {you}.
- I have to ask for help with everything, which I hate.
- The body needs its time, they keep telling me.
- Call me if you need anything from the shop, {you}.

= thing: soup kitchen|feeding the poor; animal shelter|stray animals; beach clean-up|picking up \
litter; blood drive; reading hour at the school|helping pupils; night shelter|homeless people; \
tree planting; repair cafe
= detail: we served ninety people; I was the youngest there; I carried boxes all day; the mayor \
dropped by; we ran out of gloves; somebody brought an accordion
+ I volunteered at the {thing} in {place} {ago}, and {detail}.
+ {who} took me along to help at the {thing} {ago}. I think I will go again.
+ Our {thing} was {ago}: {detail}. Tired but happy.
? place: Where did {name} volunteer at the {thing}?
? who: Who took {name} along to the {thing}?
? detail: What happened when {name} helped at the {thing}?
? thing: Where did {name} volunteer in {place}?
@ When did {name} help at the {thing}?
! Where had {name} helped, as told on {date}?
* Where has {name} helped or volunteered?
~ Does the {thing} need more people?
~ The {thing} makes me see the town with other eyes.
~ How did you hear of the {thing}?
- Helping others gives me more than it costs me.
- I am proud of you, {you}. The world needs people like you.
- One sees how much need there is, just around the corner.
- The other volunteers have become friends by now.
- What made you start with volunteering?
- Small things make a difference for somebody.
- I would like to give something back as well.

= thing: silver wedding|25th anniversary; christening|baby ceremony; housewarming|new home party; \
graduation party; engagement dinner|couple's announcement; farewell party|leaving do; surprise \
birthday; family reunion|relatives' gathering
= detail: a kite; a hand-knitted blanket; a bottle from 1990; a framed map; a cactus; a box of tea
+ The {thing} of {who} was {ago} in {place}. I brought {detail}.
+ I organised a {thing} {ago} for {who}. Forty guests!
+ At the {thing} {ago} I was given {detail}. What do I do with it?
? place: Where was the {thing} that {name} went to?
? who: Whose {thing} did {name} talk of?
? detail: Which present was there at {name}'s {thing}?
? thing: What did {name} celebrate in {place}?
@ When was the {thing} that {name} told of?
! Which celebration did {name} recount on {date}?
* What parties and celebrations has {name} been to?
~ What did you wear to the {thing}?
~ A {thing} is always more work than planned.
~ The speeches at the {thing} went on for ever.
- It is good to have everybody around one table for once.
- Did you dance, {you}?
- The cake alone was worth the trip.
- Family parties are chaos, and I love them.
- I cried a little when they made the toast.
- You are a great host, {you}.
- One should celebrate more often, there is always a reason.

= thing: umbrella|rain protection; house keys|key ring; wallet|purse; reading glasses|spectacles; \
phone; left glove; passport|travel document; scarf
= detail: behind the piano; in the freezer; under the car seat; in a flower pot; in the lining of \
my coat; on top of the bus shelter
+ I lost my {thing} {ago} and found it today {detail}. Unbelievable.
+ Somebody in {place} had handed in my {thing}! I lost it there {ago}.
+ Remember my lost {thing}? It was {who} who had it since {ago}.
? detail: Where did {name} find the {thing}?
? place: Where did {name} lose the {thing}?
? who: Who had {name}'s lost {thing}?
? thing: What did {name} lose in {place}?
@ When did {name} lose the {thing}?
! What had {name} lost, as told on {date}?
* What things has {name} lost?
~ Did the {thing} cost much?
~ I keep my {thing} on a string by now.
~ I lose my {thing} every winter, too.
- I would lose my head if it were not screwed on.
- You and your things, {you}!
- I had searched the whole place twice, on my knees.
- There are honest people in the world, it turns out.
- Did you go to the lost property office?
- Now I check my pockets ten times a day.
- It is only a thing, but I was upset all the same.

= thing: chess tournament|board game contest; bowling night|ninepins; quiz evening|trivia contest; \
table tennis cup|ping-pong; darts final; rowing regatta|boat race; climbing contest; archery \
meeting|bow and arrow
= detail: we lost by one point; I won a ham; the final was cancelled; I knocked out the champion; \
we came last and laughed; they want me on the team
+ I was at the {thing} in {place} {ago}, and {detail}.
+ Teamed up with {who} for the {thing} {ago}: {detail}.
+ The {thing} was {ago}! {who} and I had a whole row of fans.
? place: Where did {name} take part in the {thing}?
? detail: What happened to {name} at the {thing}?
? who: With whom did {name} play at the {thing}?
? thing: Which contest was {name} at in {place}?
@ When was {name} at the {thing}?
! Which competition did {name} describe on {date}?
* Which games and contests has {name} taken part in?
~ Are there rules in the {thing} that one must know?
~ A {thing} brings out the worst in me.
~ Next time take me along to the {thing}.
- Winning is nice, but being there is what it is about.
- Were you nervous, {you}?
- I am far too competitive, they say.
- We will need more practice before the next round.
- You have got talent, {you}, I have always said so.
- The team spirit was the best part of the day.
- I have never won anything in my life.

= thing: Portuguese|foreign language; sign language|talking with hands; first aid|emergency \
training; sailing|boat permit; bookkeeping|accounts; welding; driving|traffic rules; Greek
= detail: I passed with a B; I failed by two points; the teacher fell asleep; I was the only one \
who turned up; I mixed up left and right; we had to sing
+ I had the last lesson in {thing} {ago} with {who}, and {detail}.
+ About the {thing}: {ago} was my exam in {place}, and {detail}.
+ So much for the {thing} test. {detail}. Next try in spring, together with {who}.
? who: With whom is {name} learning {thing}?
? detail: How did it go with the {thing} lessons or exam of {name}?
? place: Where did {name} take the exam in {thing}?
? thing: What was {name}'s exam in {place} about?
@ When did {name} have the lesson or exam in {thing}?
! Which lesson or test did {name} refer to on {date}?
* What has {name} taken lessons or exams in?
~ How many hours a week does {thing} cost you?
~ I gave up on {thing} at school.
~ What do you need {thing} for?
- Learning is harder than it was at twenty.
- How do you remember it all, {you}?
- The teacher explains things three times and never sighs.
- I have little notes on every cupboard in the kitchen.
- You will pass, {you}, I have no doubt.
- Exams still make me dream badly.
- I want to prove to myself that I can do it.

= thing: record player|vinyl machine; red armchair|seat; sewing machine; telescope|stargazing \
device; espresso machine|coffee maker; folding bike; typewriter; rucksack|hiking bag
= detail: it came without a plug; I got it for half the price; it weighs a ton; the box was empty; \
it is a year older than me; the colour is all wrong
+ I bought a {thing} {ago} at the flea market in {place}: {detail}.
+ The {thing} that I ordered has arrived {ago}! {detail}, but I love it.
+ {who} sold me a {thing} {ago}, and {detail}.
? place: Where did {name} buy the {thing}?
? who: Who sold the {thing} to {name}?
? detail: What is special about the {thing} that {name} got?
? thing: What did {name} buy at the market in {place}?
@ When did {name} get the {thing}?
! What had {name} bought, as told on {date}?
* What has {name} bought?
~ Where do you find room for a {thing}?
~ A good {thing} lasts for a lifetime.
~ I have been looking for a {thing} as well.
- I should not spend so much, but it makes me happy.
- Was it a bargain, {you}?
- My flat is full, I have to give something away first.
- Old things have a soul, new ones have a guarantee.
- You always find the best pieces, {you}.
- I had been saving up for it since the winter.
- The seller told me the whole story of his life.

= thing: night train|sleeper; ferry|crossing by boat; coach tour|bus holiday; cycling holiday|trip \
by bike; cable car|ride up the mountain; hot-air balloon|flight in a basket; river cruise; \
pilgrim's walk|hike of faith
= detail: my suitcase went elsewhere; we were stuck for five hours; I met a retired clown; I was \
sick all the way; we shared one blanket; the view was all fog
+ We took the {thing} on our trip to {place} {ago}, and {detail}.
+ The {thing} with {who} was {ago}, and {detail}. I would go again at once.
+ Home again since {ago}! {place} was lovely, only the {thing}: {detail}.
? place: Where did {name} go with the {thing}?
? detail: What happened to {name} on the {thing}?
? who: With whom was {name} on the {thing}?
? thing: How did {name} travel to {place}?
@ When was {name} on the {thing}?
! What trip did {name} look back on, on {date}?
* Which trips has {name} made?
~ Is the {thing} something for my parents?
~ A {thing} was on my list for years.
~ How long does one spend on the {thing}?
- Travelling is the best way to spend money.
- Did you take many pictures, {you}?
- The journey is half of the fun, they say.
- I packed far too much, as always.
- You get around, {you}! I have not left town since spring.
- I want to see so much more of the world.
- Coming home to my own bed is lovely too.

= thing: bathroom tiles|washroom; leaking roof|damp attic; kitchen shelves|cupboards; blue \
wallpaper|wall covering; cracked window|broken pane; heating boiler|warm water; balcony door; \
wooden floor|parquet
= detail: it is crooked, but it holds; the plumber never came; we found newspapers from 1952; I \
hit my thumb twice; now everything smells of paint; the landlord pays for it
+ I spent {ago} repairing the {thing} with {who}, and {detail}.
+ In the flat in {place} I have done the {thing}, and {detail}.
+ Do not ask about the {thing}! {detail}, and {who} only laughed.
? who: Who was there when {name} did the {thing}?
? detail: How did {name}'s work on the {thing} go?
? place: Where is the flat in which {name} did the {thing}?
? thing: What did {name} repair in the flat in {place}?
@ When did {name} do the {thing}?
! What had {name} done in the flat, as told on {date}?
* What has {name} repaired at home?
~ Did you do the {thing} all on your own?
~ The {thing} is what I dread at my place.
~ What did the {thing} cost in the end?
- A home is never finished.
- Did you watch videos to learn how to do it, {you}?
- The dust is everywhere, even in the butter.
- You are so handy, {you}. I cannot hang a picture.
- It is satisfying to do such things oneself.
- Good tools are half of the work.
- Next time I will pay somebody for it.

= thing: glaciers|melting ice; street food|market stalls; grandmother's letters|family papers; \
bats|night animals; old bridges|historic crossings; sleep|rest at night; steam engines; medieval \
maps
= detail: the projector died; two people left; they clapped for a minute; I forgot my notes; a \
child asked the best question; it ran over by half an hour
+ I gave my talk on {thing} in {place} {ago}, and {detail}.
+ My lecture about {thing} was {ago}: {detail}. {who} sat in the front row.
+ The talk is over! {thing}, forty slides, and {detail}. {who} had helped me rehearse.
? place: Where did {name} give the talk on {thing}?
? detail: What happened at {name}'s talk about {thing}?
? who: Who supported {name} at the talk on {thing}?
? thing: What was {name}'s talk in {place} about?
@ When did {name} give the talk about {thing}?
! What was the talk about that {name} mentioned on {date}?
* What has {name} given talks about?
~ How does one come to {thing}?
~ I could listen to you about {thing} for hours.
~ I did not know that there was so much to say about {thing}.
- Speaking in front of people makes my heart race.
- Were there many questions, {you}?
- I practised before the mirror until I could not hear myself any more.
- You explain things so well, {you}.
- The best moment is when somebody in the audience nods.
- The microphone was too high for me.
- Will you do it again somewhere else?

= thing: documentary about whales|sea life; silent film|old movie without sound; detective \
series|crime show; animated film|cartoon; western; musical about bakers; horror film|scary movie; \
courtroom drama|film about lawyers
= detail: I slept through the end; I hid behind a cushion; we talked until three about it; the \
popcorn was better; I hummed all the way home; the sound was broken
+ Watched a {thing} with {who} {ago}, and {detail}.
+ The open-air cinema in {place} showed a {thing} {ago}: {detail}.
+ Have you seen that {thing}? I watched it {ago}, and {detail}.
? who: With whom did {name} watch the {thing}?
? place: Where did {name} see the {thing}?
? detail: How did {name} like the {thing}?
? thing: What did {name} see at the cinema in {place}?
@ When did {name} watch the {thing}?
! What had {name} watched, as told on {date}?
* What films and series has {name} watched?
~ Who plays in that {thing}?
~ A {thing} is not for me, I am afraid.
~ I heard the {thing} is rather long.
- Watching something good is my reward at the end of the week.
- Would you recommend it, {you}?
- I talk to the screen, nobody wants to sit beside me.
- The pictures stay with me longer than the story.
- We have such a different taste, {you}, and it works all the same.
- I prefer the cinema to the sofa, for the big screen.
- The actors were wonderful, all of them.

= thing: cottage|small house; attic flat|rooms under the roof; houseboat|home on the water; \
farmhouse|house in the country; studio flat|one-room place; terraced house; shared flat|living \
with others; mill loft
= detail: the rent is half of what we pay now; there is no lift; the garden is wild; the walls are \
pink; one hears the trains; the cellar is full of jam
+ We looked at a {thing} in {place} {ago}, and {detail}.
+ I am moving! The {thing} in {place} is mine since {ago}. {who} lives next door.
+ That {thing} I told you of: I looked at it with {who} {ago}, and {detail}.
? place: Where is the {thing} that {name} looked at?
? detail: What did {name} notice about the {thing}?
? who: Who has to do with the {thing} that {name} looked at?
? thing: What kind of home did {name} look at in {place}?
@ When did {name} look at or take the {thing}?
! What sort of home did {name} consider on {date}?
* Which homes has {name} looked at?
~ Is the {thing} far from your work?
~ A {thing} has its charms, but think of the winter.
~ When could you move into the {thing}?
- Moving is a nightmare, but a new start is worth it.
- How many rooms are there, {you}?
- I want a place that feels like home from the first minute.
- The rents have gone mad in the last years.
- I will help you to carry the boxes, {you}!
- The light in the morning decides, I always say.
- The neighbours seemed kind when we met them on the stairs.
"""

_NUMBER_LINES = """
+ My booking for {place} came through, the code is {code}.
+ I have reserved our rooms in {place}, under {code}.
? Which reservation reference does {name} have?
? What was {code} the booking of?

+ They gave me locker {code} at the pool in {place}.
+ If you bring my towel: it goes into {code}, the locker on the left.
? Which locker does {name} use?
? What is kept in {code}?

+ The parcel is on its way from {place}, tracking number {code}.
+ I sent you the jars today, you can follow them as {code}.
? Under which number can the delivery of {name} be tracked?
? What was sent as {code}?

+ The invoice of the dentist in {place} is {code}, and it is far too high.
+ I have still not paid {code}, the bill of the electrician.
? What is the number of the bill that {name} complained about?
? Which invoice has the number {code}?

+ The new licence plate is {code}, easy to remember, no?
+ If you see a green car with {code} in {place}, wave: it is me.
? Which number plate does {name} drive around with?
? Whose car is {code}?

+ My library card is {code}, just say it at the desk in {place}.
+ You may borrow on my card, {code} is the number.
? What membership number does {name} have for borrowing books?
? For what can one use {code}?

+ The claim is filed as {code}, and now the insurance has six weeks.
+ The woman of the insurance in {place} said to always quote {code}.
? Which case number did the insurer give {name}?
? What is {code} about?

+ The key safe of the holiday flat in {place} opens with {code}.
+ To get in, type {code} at the gate and push hard.
? What does one have to enter at the door of {name}?
? What does {code} open?
"""

_TRAIT_LINES = """
+ Bread and pasta are off the table for me, gluten makes me ill.
? Which dietary restriction does {name} live with?
+ I lie awake until four and stare at the ceiling, every single night.
? Who suffers from insomnia?
+ Above the third floor my knees turn to jelly and I hold on to the wall.
? Is {name} afraid of heights?
+ Since the divorce went through I have the place to myself.
? What is the marital status of {name}?
+ We are expecting, in May there will be three of us!
? Who is going to have a baby?
+ I have not touched a drop since that New Year's Eve, not even a beer.
? Does {name} drink alcohol?
+ Every month I put two hundred aside, for the day I stop working.
? How does {name} save for retirement?
+ I grew up speaking Catalan with one parent and Dutch with the other.
? Who was raised bilingual?
+ Cats make my eyes swell and I sneeze until somebody opens a window.
? What is {name} allergic to?
+ I stopped eating meat after that visit to the slaughterhouse.
? Why did someone become a vegetarian?
+ My contract was not renewed, so from March on I have nothing.
? Who became unemployed?
+ The bank says we owe more on the house than it is worth.
? What financial worries does {name} have?
+ I was the tallest in class by a head and everybody called me giraffe.
? Who had a nickname as a child because of body height?
+ I send half of what I earn to my parents overseas.
? Whom does {name} support with money?
+ I go to mass on Sundays, and it is what holds me together.
? How religious is {name}?
+ The letters dance when I read, they tested me for it at nine.
? Who has dyslexia?
+ My hearing on the left is gone since the mumps.
? Which sense of {name} is impaired?
+ I cannot tell red from green, ask me about traffic lights!
? Who is colour-blind?
+ I was left on a doorstep and a couple of teachers took me in.
? Was {name} adopted?
+ The two of us came out of the same womb eleven minutes apart.
? Who has a twin?
+ I write with the other hand than all of you and smear the ink.
? Is {name} left-handed?
+ Nobody in the office knows that I write poems at lunch.
? What secret creative hobby does {name} have?
+ I would not set foot on a plane for any money in the world.
? Who has a fear of flying?
+ I marched against the motorway and was carried off by four policemen.
? For which political cause did somebody protest?
+ I spent my twenties on a container ship and saw forty ports.
? Who used to be a sailor?
+ When I hear thunder I am six again and under the blanket.
? What childhood fear has {name} kept?
+ I inject myself before each meal and count every slice of toast.
? Who has diabetes?
+ I have sworn off screens after nine, the telephone sleeps in the hall.
? What digital habit has {name} given up?
+ One day I want a little inn with six tables and my own name above the door.
? What business does {name} dream of starting?
+ My grandfather crossed the border at night with a sewing kit and a spoon.
? Whose family were refugees?
+ I have not spoken to my brother since the funeral, over a clock.
? With which relative has {name} fallen out?
+ I sleep with the window open even when it snows.
? Who likes a cold bedroom?
+ I turned down the promotion, I do not want to be anybody's boss.
? Why did {name} refuse to advance at work?
+ Three coffees before ten or I am of no use to anyone.
? Who is addicted to caffeine?
+ My best ideas come under the shower, I keep a crayon there.
? Where does {name} find inspiration?
+ I iron when I am sad, you would not believe how smooth my sheets are.
? How does {name} cope with grief?
+ I failed the entrance test for the police because of my eyesight.
? Who wanted to be an officer and could not?
+ I only wear grey and black, then everything goes together.
? What taste in clothing does {name} have?
+ I voted for the first time at forty, when I got the new papers.
? Who was naturalised as a citizen?
+ I stammer when strangers ring, so I let it go to voicemail.
? Which speech difficulty does {name} have?
+ We have been together nine years and I am about to ask, the ring is in my sock.
? Who plans to propose marriage?
+ I would rather sit at home with a jigsaw than go where there are people.
? Is {name} an introvert?
+ All the furniture I own has been pulled out of skips.
? How does {name} furnish the home cheaply?
+ At university I slept in my van for a term, since rent was beyond me.
? Who has been homeless as a student?
+ I hum without noticing, they have moved my desk twice.
? What habit of {name} annoys colleagues?
+ Since the stroke my mother needs me in the morning and in the evening.
? Who cares for an ill parent?
+ I give every plant a first name and say good night to them.
? What odd way does {name} have with houseplants?
+ I count stairs, always, and if it is odd I go back down.
? Who shows compulsive behaviour?
"""

_SMALL_TALK_LINES = """
? Is it raining at your place too?
+ Since Monday. My shoes do not dry any more.
+ Not a cloud. I am sitting outside.

? Have you eaten yet, {you}?
+ Just some toast. I was too lazy to cook.
+ Leftovers again, but they were good.

? How is work these days?
+ Too many meetings, too little done.
+ Quiet, for once. I even cleaned my desk.
+ Do not ask. I count the days until the holidays.

? Any plans for the weekend, {you}?
+ Sleeping. And then some more sleeping.
+ Maybe a walk, if the weather holds.
+ Visiting my parents, they have been asking for weeks.

? How are your people at home?
+ All fine, thanks. The little ones grow like weeds.
+ Everybody has a cold, me included.

? I cannot believe that the month is over already.
+ Time flies, {you}! It was spring only yesterday.
+ And I have done nothing of my list.

? Did you sleep well?
+ Like a stone, {you}.
+ The neighbours had a party, so no.

? I need more time for myself, {you}.
+ We all do. Take an evening off and turn off the phone.
+ You say that every month, {you}! Just do it.

? What are you up to right now, {you}?
+ Laundry. The glamorous life!
+ On the bus, so I may drop out.
+ Tea and a blanket.

? You have been such a support lately, {you}.
+ That is what friends are for, {you}.
+ You would do the same for me.

? The traffic today was terrible.
+ I left the car at home and was there before everybody else.
+ I heard it on the radio.

? Tell me something nice, {you}.
+ The days are getting longer again!
+ You are my favourite person to write to.
+ A stranger held the door for me and smiled.
"""

HELLO = _lines("""
Hey {you}! Long time no talk. How have you been?
Hi {you}, nice to hear from you! What is new on your side?
Hello {you}! I was just thinking of you on my way home.
Hey {you}, how is your week going so far?
Good evening {you}! Do you have a minute for me?
There you are, {you}! I have so much to tell you.
Hi {you}! All well with you and your family?
{you}! Sorry that I did not answer earlier, it was a crazy week.
Hey {you}, missed you! Anything going on? Tell me everything.
""")

BYE = _lines("""
Take care, {you}! Talk to you soon.
I have to run now, my bus is coming. Bye, {you}!
Sleep well, {you}. It was good to talk to you.
Bye {you}, keep me posted on everything!
See you soon, I hope. A hug, {you}!
Off to bed now. Thanks for listening, {you}.
Enjoy the rest of the week, {you}!
You too, {you}. Stay safe and say hello to everybody.
""")

OPENERS = _lines("""
Hey {you}, since we last talked a lot has happened.
Thanks, {you}! That is kind of you to say.
Oh, before I forget, {you}, there is something else.
That is good to hear, {you}, I was a bit worried about you.
You will laugh when you hear this.
Well, where do I begin?
Not much, {you}, except for one thing.
I have been meaning to tell you this for days.
Busy days over here, {you}!
Speaking of news, I have some as well.
Wow, {you}, that is great. With me it is like this.
Yeah, you are right, {you}. I will try.
You asked what I have been up to.
""")

TAILS = _lines("""
How are things with you, {you}?
I am still smiling about it.
You would have liked it, {you}.
It did me good, I think, after all that stress at work.
Family and friends are what counts, after all.
Have you ever done something like that?
It took some work, but I am pretty proud of myself.
Anyway, enough of me, tell me about your week.
I will send you a photo later, when I am home.
What do you say to that, {you}?
It really made me think about what matters in life.
At first I did not want to, but now I am glad.
Everybody at home is sick of hearing about it.
I needed that after the month I had.
""")

ADDED = _lines("""
It has been raining here all day, by the way.
I am sitting in the kitchen with a cup of tea while I write this.
My sister says hello, she asks about you every time.
We should really meet again before the summer, do you not think?
Work has been mad, I hardly find time to answer anybody.
You always know what to say when I need it most.
I have been thinking a lot about what makes me happy lately.
My parents are visiting next weekend, so I have to clean the whole place.
The little ones are finally asleep, so I can breathe for a moment.
It means a lot to me that you share these things.
Sometimes I think that we forget how quickly the years go by.
I am on the train and the connection is bad, so bear with me.
Life is too short not to do what one loves.
Remember when we used to talk about such things the whole night?
I could use some of your energy right now, honestly.
Do not forget to look after yourself with all that going on.
I had a rough week, but hearing from you makes up for it.
We all need people who believe in us, and you are one of mine.
The dog next door has been barking since the morning, I am losing my mind.
I read somewhere that trying new things keeps the head young.
Send me a picture when you have one, I want to see everything!
My doctor says that I should rest more, so I am trying to.
""")

ECHOES = _lines("""
Wow, {you}, the {thing}! I am so happy for you, you have wanted this for a long time.
The {thing}? Tell me more, {you}! How did it feel?
That sounds just like you, {you}. I could not do that with the {thing}.
Ha, {you} and the {thing}, I can picture it! What did the others say?
I told everybody here about you and the {thing}, {you}.
Oh {you}! And what comes next after the {thing}?
The {thing}, of all things! You are full of surprises, {you}.
Great that you told me about the {thing}, {you}. I was wondering about it.
""")

REPLIES = _lines("""
Wow, {you}, that is something! Thanks for telling me.
I am so proud of you, {you}. Keep it up!
Oh no! Or oh yes? I never know with you, {you}.
That is a lot to take in, {you}. How do you feel about it now?
You never cease to amaze me, {you}.
I hear you. It is not always easy, {you}.
Good to know, {you}. I will remember that.
Ha, I would have loved to be there, {you}!
Sounds great, {you}! You really put your heart into things.
""")

COMMON = _choices(_lines(_COMMON_LINES))
PEOPLE = COMMON.pop("people")
TOPICS = [_topic(block) for block in _blocks(_TOPIC_LINES)]
NUMBERS = [(block["+"], block["?"]) for block in _blocks(_NUMBER_LINES)]
TRAITS = list(zip(*_blocks(_TRAIT_LINES)[0].values(), strict=True))
SMALL_TALK = [(block["?"][0], block["+"]) for block in _blocks(_SMALL_TALK_LINES)]
