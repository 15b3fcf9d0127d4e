from service.sample.vocabulary.shape import Category, Kind

PETS = Category(
    slug="pets",
    weight=6,
    places=("in a city flat", "in a house full of children", "in a country kitchen", "with a lively puppy"),
    closers=(
        "Most animals accept it within a day or two.",
        "Developed with a vet and a great many patient animals.",
        "Choose generously if your companion is still growing.",
    ),
    kinds=(
        Kind(
            nouns={
                "dog bed": "resting old joints after a walk",
                "cat bed": "napping in a patch of sunlight",
                "pet blanket": "protecting the sofa from muddy paws",
                "crate cushion": "making a kennel feel like home",
            },
            materials=("recycled polyester", "cotton canvas", "corduroy", "lambswool"),
            sizes=("small", "medium", "large"),
            price=(19, 139),
            features=(
                "a base that does not slide",
                "fabric that resists scratching",
                "quilting that keeps the filling in place",
                "a removable outer layer",
            ),
        ),
        Kind(
            nouns={
                "dog collar": "walking safely at dusk",
                "dog lead": "keeping close control near traffic",
                "harness": "spreading the pull across the chest",
                "training line": "practising recall in open fields",
            },
            materials=("braided nylon", "waxed cotton", "leather"),
            colours=("red", "navy", "olive", "tan"),
            price=(11, 74),
            features=(
                "solid brass fittings",
                "a reflective thread",
                "a ring for a name disc",
                "padding where it touches the coat",
            ),
        ),
        Kind(
            nouns={
                "food bowl": "feeding without a mess",
                "water bowl": "offering a fresh drink all day",
                "slow feeder": "stopping greedy eaters from gulping",
            },
            materials=("recycled plastic", "stainless steel", "stoneware"),
            sizes=("0.3 litre", "0.8 litre", "1.5 litre"),
            price=(7, 44),
            features=(
                "a rubber ring underneath",
                "a finish that is safe for food",
                "a shape that suits flat noses",
                "a smooth inside that rinses easily",
            ),
        ),
    ),
)

TOOLS = Category(
    slug="tools",
    weight=8,
    places=("in a well-ordered workshop", "in a first toolbox", "in the back of a van", "on a garage wall"),
    closers=(
        "A lifetime guarantee covers material and workmanship.",
        "Professionals and weekend builders get on with it equally well.",
        "Buy it once and hand it down.",
        "Keep it dry and it will outlast its first owner.",
    ),
    kinds=(
        Kind(
            nouns={
                "claw hammer": "framing sheds and pulling stubborn nails",
                "club hammer": "driving stakes and breaking tiles",
                "hand axe": "splitting kindling and clearing branches",
                "pry bar": "lifting boards without splitting them",
            },
            materials=("carbon steel", "forged steel", "titanium"),
            sizes=("light", "medium", "heavy"),
            price=(16, 115),
            features=(
                "a grip that dampens vibration",
                "a head finished by hand",
                "balance that favours control over force",
                "a hanging hole",
            ),
        ),
        Kind(
            nouns={
                "combination spanner": "tightening bolts in awkward spaces",
                "socket wrench": "servicing bikes and small engines",
                "adjustable wrench": "handling odd sizes with one tool",
                "torque wrench": "reaching the right tension every time",
            },
            materials=("forged steel", "chrome vanadium"),
            sizes=("6-inch", "8-inch", "10-inch", "12-inch"),
            price=(9, 128),
            features=(
                "deeply stamped markings",
                "contact faces ground to a close tolerance",
                "a satin surface that is easy to wipe",
                "a slim profile",
            ),
        ),
        Kind(
            nouns={
                "bench plane": "smoothing boards to a clean finish",
                "marking gauge": "scribing accurate lines along an edge",
                "try square": "checking corners before gluing",
                "mallet": "tapping joints together without bruising",
            },
            materials=("beech", "maple", "brass"),
            sizes=("small", "medium", "large"),
            price=(14, 158),
            features=(
                "faces trued on a surface plate",
                "a fitted canvas roll",
                "edges relieved for comfort",
                "a small maker's stamp",
            ),
        ),
        Kind(
            nouns={
                "tool bag": "keeping a working kit in order",
                "parts pouch": "sorting screws, washers and plugs",
                "tool roll": "carrying chisels without blunting them",
                "work apron": "having pencil and tape always at hand",
            },
            materials=("cotton canvas", "waxed canvas", "leather"),
            colours=("black", "olive", "rust", "navy"),
            price=(19, 139),
            features=(
                "reinforced stress points",
                "compartments of several widths",
                "hardware that can be repaired",
                "room for a notebook",
            ),
        ),
    ),
)

TOYS = Category(
    slug="toys",
    weight=7,
    places=(
        "in a lively playroom",
        "on a rainy Sunday",
        "at a grandparent's house",
        "under the birthday balloons",
    ),
    closers=(
        "Tested to the European toy safety standard.",
        "Younger siblings will inherit it in good condition.",
        "No batteries, no screens and plenty of imagination.",
        "Recommended from three years of age.",
    ),
    kinds=(
        Kind(
            nouns={
                "building set": "stacking towers and knocking them down",
                "train set": "laying tracks around the table legs",
                "farm set": "naming animals and mixing up their sounds",
                "marble run": "discovering how gravity behaves",
            },
            materials=("recycled plastic", "beech", "maple"),
            sizes=("24-piece", "48-piece", "96-piece"),
            price=(15, 119),
            features=(
                "water-based paint that survives chewing",
                "parts that work with other sets",
                "a cotton bag for tidying up",
                "corners sanded smooth",
            ),
        ),
        Kind(
            nouns={
                "rag doll": "inventing stories before bedtime",
                "teddy bear": "cuddling through thunderstorms",
                "hand puppet": "staging shows behind the sofa",
                "soft rabbit": "settling down for an afternoon nap",
            },
            materials=("recycled polyester", "organic cotton", "lambswool"),
            colours=("cream", "honey brown", "soft grey", "pale blue"),
            price=(12, 58),
            features=(
                "embroidered eyes instead of buttons",
                "seams sewn twice",
                "a filling that can go in the machine",
                "a name tag on the back",
            ),
        ),
        Kind(
            nouns={
                "board game": "playing together after supper",
                "jigsaw puzzle": "slowing down over a long weekend",
                "memory game": "training sharp eyes and patience",
                "domino set": "teaching counting without noticing",
            },
            materials=("recycled card", "birch plywood", "maple"),
            sizes=("travel", "family", "deluxe"),
            price=(9, 64),
            features=(
                "illustrations by an independent artist",
                "rules that fit on one page",
                "a sturdy box that closes properly",
                "pieces that are easy for small hands",
            ),
        ),
    ),
)
