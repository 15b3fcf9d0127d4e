from service.sample.vocabulary.shape import Category, Kind

FURNITURE = Category(
    slug="furniture",
    weight=8,
    places=(
        "in a narrow hallway",
        "in a first apartment",
        "in a generous living room",
        "under a tall window",
    ),
    closers=(
        "Assembly takes one person about half an hour.",
        "Felt pads for the floor are in the box.",
        "Spare parts stay available for at least ten years.",
        "Its calm lines sit well with both old and new pieces.",
    ),
    kinds=(
        Kind(
            nouns={
                "dining chair": "lingering at the table after dinner",
                "bar stool": "perching at a high counter",
                "side chair": "offering visitors a comfortable seat",
                "bench": "pulling on boots or seating extra guests",
            },
            materials=("pine", "beech", "oak", "walnut"),
            colours=("natural oil", "black stain", "white lacquer", "smoke grey"),
            price=(59, 340),
            features=(
                "joints that are glued and dowelled",
                "a gently curved seat",
                "a footrest at a comfortable height",
                "adjustable glides for uneven floors",
            ),
        ),
        Kind(
            nouns={
                "bookcase": "displaying novels, records and ceramics",
                "sideboard": "keeping glassware and linen out of sight",
                "console table": "dropping keys and post by the door",
                "coffee table": "gathering around on weekend afternoons",
                "bedside table": "keeping a lamp and a glass of water close",
            },
            materials=("pine", "ash", "oak", "walnut"),
            sizes=("60 cm", "90 cm", "120 cm"),
            price=(89, 690),
            features=(
                "an oiled finish that can be renewed at home",
                "a discreet opening for cables",
                "a wall fixing that prevents tipping",
                "levelling feet for old floors",
            ),
        ),
        Kind(
            nouns={
                "armchair": "reading late into the evening",
                "sofa": "stretching out at the end of the day",
                "daybed": "hosting an unexpected overnight guest",
            },
            materials=("cotton canvas", "boucle", "velvet", "leather"),
            colours=("sand", "charcoal", "forest green", "rust", "ink blue"),
            price=(389, 1890),
            features=(
                "a hardwood frame with a long guarantee",
                "sprung support that keeps its shape",
                "legs that unscrew for tight staircases",
                "padding that recovers overnight",
            ),
        ),
        Kind(
            nouns={
                "footstool": "resting tired legs in the evening",
                "pouffe": "adding a spare seat when friends come round",
                "floor cushion": "playing board games on the rug",
            },
            materials=("cotton canvas", "boucle", "velvet", "leather"),
            colours=("sand", "charcoal", "forest green", "rust", "ink blue"),
            price=(45, 239),
            features=(
                "a cover that can be removed",
                "a filling that keeps its shape",
                "a carrying loop on one side",
                "a base that slides easily on carpet",
            ),
        ),
    ),
)

LIGHTING = Category(
    slug="lighting",
    weight=6,
    places=("in a cosy living room", "in a dim corner", "in a long hallway", "on a landing"),
    closers=(
        "It arrives ready for its first evening.",
        "It suits new flats and old houses alike.",
        "Good light changes a room more than a coat of paint.",
    ),
    kinds=(
        Kind(
            nouns={
                "pendant lamp": "casting a pool of light over supper",
                "ceiling light": "brightening low rooms without glare",
                "wall light": "washing a plain surface with a soft glow",
            },
            materials=("paper", "rattan", "opal glass", "brass"),
            sizes=("25 cm", "35 cm", "50 cm"),
            price=(29, 260),
            features=(
                "a fabric-covered cable",
                "a diffuser that hides the bulb",
                "a fixing plate that lines up in seconds",
                "a dimmable driver",
            ),
        ),
        Kind(
            nouns={
                "desk lamp": "working late without straining your eyes",
                "floor lamp": "reading on the sofa after dark",
                "clip lamp": "directing a beam exactly where it helps",
                "bedside lamp": "finishing one last chapter",
            },
            materials=("aluminium", "powder-coated steel", "brass"),
            colours=("black", "ivory", "olive", "brick red", "petrol blue"),
            price=(25, 190),
            features=(
                "an arm that stays where you put it",
                "a touch dimmer with three levels",
                "a shade that turns through 300 degrees",
                "a two-metre cable with an inline switch",
            ),
        ),
        Kind(
            nouns={
                "lantern": "lighting a balcony on summer nights",
                "night light": "finding the way down a dark corridor",
                "table lantern": "dining outdoors after sunset",
            },
            materials=("recycled plastic", "powder-coated steel", "bamboo"),
            colours=("white", "sand", "graphite", "moss green"),
            price=(15, 89),
            features=(
                "a rechargeable battery that lasts twelve hours",
                "a warm and a cool setting",
                "a handle for carrying or hanging",
                "a timer that switches it off by itself",
            ),
        ),
    ),
)

OFFICE = Category(
    slug="office",
    weight=8,
    places=(
        "in a shared studio",
        "at a kitchen-table workplace",
        "in a quiet home study",
        "in a glass-walled conference room",
    ),
    closers=(
        "A tidy desk makes the next task easier to start.",
        "It earns its place on the first working day.",
        "Teams that order several get the same shade every time.",
        "Nothing about it shouts for attention, which is the point.",
    ),
    kinds=(
        Kind(
            nouns={
                "monitor stand": "raising a screen to eye level",
                "laptop stand": "keeping your neck straight through long calls",
                "desk organiser": "sorting pens, clips and cables",
                "letter tray": "keeping paperwork in one visible pile",
            },
            materials=("bamboo", "aluminium", "oak", "walnut"),
            colours=("black", "white", "silver grey"),
            price=(19, 129),
            features=(
                "a channel that hides cables",
                "rubber feet that protect the desktop",
                "a slot for a phone or tablet",
                "a base that stays put when bumped",
            ),
        ),
        Kind(
            nouns={
                "notebook": "sketching ideas before they escape",
                "planner": "mapping out the week on a single spread",
                "journal": "writing a few lines every evening",
                "meeting pad": "recording decisions and who owns them",
            },
            materials=("recycled paper", "kraft paper", "linen-bound", "leather-bound"),
            sizes=("A6", "A5", "A4"),
            price=(5, 39),
            features=(
                "pages that lie completely flat",
                "a ribbon marker and a printed index",
                "an elastic closure",
                "heavy sheets that take a fountain pen",
                "a pocket inside the back cover",
            ),
        ),
        Kind(
            nouns={
                "fountain pen": "signing letters and drafting by hand",
                "mechanical pencil": "drawing clean, even lines",
                "rollerball pen": "taking fast notes in meetings",
                "ballpoint pen": "filling in forms and crosswords",
            },
            materials=("recycled plastic", "aluminium", "brass"),
            colours=("black", "silver", "navy", "racing green", "burgundy"),
            price=(6, 79),
            features=(
                "a balanced barrel that does not tire the hand",
                "a spring-loaded clip",
                "refills in widely available sizes",
                "a slim presentation box",
            ),
        ),
        Kind(
            nouns={
                "desk": "spreading out work and still having space",
                "standing desk": "changing posture several times a day",
                "filing cabinet": "locking away contracts and records",
                "drawer unit": "tucking supplies below the worktop",
            },
            materials=("powder-coated steel", "birch plywood", "oak"),
            sizes=("compact", "standard", "wide"),
            price=(119, 720),
            features=(
                "a scratch-resistant surface",
                "rounded front edges",
                "feet that adjust to the floor",
                "a choice of matching accessories",
            ),
        ),
    ),
)
