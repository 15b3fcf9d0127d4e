from service.sample.vocabulary.shape import Category, Kind

GARDEN = Category(
    slug="garden",
    weight=7,
    places=(
        "on a sunny balcony",
        "in a walled courtyard",
        "beside a vegetable patch",
        "in an old greenhouse",
    ),
    closers=(
        "Store it under cover in winter and it will serve for many seasons.",
        "A thoughtful present for a new gardener.",
        "Beginners and allotment veterans get on with it equally well.",
    ),
    kinds=(
        Kind(
            nouns={
                "hand trowel": "setting out seedlings and bulbs",
                "weeding fork": "lifting dandelions with the whole root",
                "dibber": "making planting holes at an even depth",
                "hand rake": "loosening soil between rows",
            },
            materials=("powder-coated steel", "carbon steel", "stainless steel", "forged bronze"),
            sizes=("short", "medium", "long"),
            price=(9, 54),
            features=(
                "a leather loop for the shed wall",
                "depth marks along the shaft",
                "a slim head for tight borders",
                "a handle shaped for long afternoons",
            ),
        ),
        Kind(
            nouns={
                "planter": "growing herbs close to the kitchen door",
                "window box": "filling a sill with geraniums",
                "plant pot": "giving young olive trees a proper start",
                "trough": "raising salad leaves on a terrace",
            },
            materials=("recycled plastic", "terracotta", "fibre clay", "corten steel"),
            sizes=("25 cm", "40 cm", "60 cm"),
            price=(11, 149),
            features=(
                "drainage holes with removable plugs",
                "a raised base that lets water escape",
                "thick walls that protect roots from frost",
                "a shape that is easy to lift and move",
            ),
        ),
        Kind(
            nouns={
                "watering can": "reaching the back of crowded beds",
                "harvest basket": "bringing in beans, berries and cut flowers",
                "garden caddy": "gathering trimmings as you go",
                "bucket": "carrying compost, weeds or water",
            },
            materials=("recycled plastic", "galvanised steel", "copper"),
            sizes=("small", "medium", "large"),
            price=(12, 88),
            features=(
                "a handle balanced for one hand",
                "folded edges without sharp points",
                "a form that is quick to rinse out",
                "a finish that will not flake",
            ),
        ),
    ),
)

OUTDOOR = Category(
    slug="outdoor",
    weight=11,
    places=("on a windy ridge", "at a lakeside campsite", "in the boot of the car", "on a coastal path"),
    closers=(
        "Tested on wet hills before it went on sale.",
        "Repairs are free for the first five years.",
        "Light enough to pack on the chance that you need it.",
        "It shrugs off mud, drizzle and careless packing.",
    ),
    kinds=(
        Kind(
            nouns={
                "tent": "pitching quickly before the rain arrives",
                "tarp": "sheltering a campfire kitchen",
                "bivvy bag": "sleeping out under the stars",
                "beach shelter": "escaping the midday sun",
            },
            materials=("polyester", "ripstop nylon", "polycotton"),
            sizes=("1-person", "2-person", "4-person"),
            price=(49, 590),
            features=(
                "taped seams throughout",
                "reflective guy lines",
                "a stuff sack with compression straps",
                "reinforced pegging points",
            ),
        ),
        Kind(
            nouns={
                "backpack": "carrying layers and lunch on day hikes",
                "roll-top pack": "keeping spare clothes safe from spray",
                "hip pack": "reaching maps and snacks while moving",
                "duffel bag": "hauling kit to base camp",
            },
            materials=("polyester", "recycled nylon", "waxed canvas"),
            sizes=("small", "medium", "large"),
            price=(25, 219),
            features=(
                "straps that adjust with gloves on",
                "a bright lining that makes small things easy to find",
                "lash points for extra kit",
                "zips with large pullers",
            ),
        ),
        Kind(
            nouns={
                "camping stove": "boiling water in a few minutes",
                "mess tin": "cooking porridge over a small flame",
                "camping kettle": "brewing coffee at sunrise",
                "cook pot": "preparing hearty suppers for friends",
            },
            materials=("aluminium", "stainless steel", "titanium"),
            sizes=("solo", "duo", "group"),
            price=(16, 135),
            features=(
                "folding handles that lock in place",
                "a mesh pouch for packing",
                "a broad base that resists tipping",
                "parts that nest inside one another",
            ),
        ),
        Kind(
            nouns={
                "rain jacket": "walking on when the weather turns",
                "windbreaker": "crossing exposed ground comfortably",
            },
            materials=("recycled polyester", "ripstop nylon", "waxed cotton"),
            colours=("navy", "moss green", "mustard", "charcoal", "brick red"),
            price=(45, 310),
            features=(
                "pockets placed above a harness",
                "a longer back that covers when bending",
                "cuffs that seal with one pull",
                "a collar lined with brushed fabric",
            ),
        ),
        Kind(
            nouns={
                "zip sweater": "warming up during a stop",
                "insulated vest": "staying comfortable without bulk",
                "overshirt": "sitting around the fire after dark",
            },
            materials=("recycled polyester", "lambswool", "merino wool"),
            colours=("oatmeal", "moss green", "charcoal", "rust"),
            price=(39, 219),
            features=(
                "flat seams beneath the shoulder straps",
                "a chest pocket for a phone",
                "a cut that layers under a shell",
                "buttons or zips that work with cold fingers",
            ),
        ),
    ),
)

CYCLING = Category(
    slug="cycling",
    weight=6,
    places=("on a wet commute", "on a gravel tour", "in a tightly packed bike shed", "on a Sunday club ride"),
    closers=(
        "Fitting takes a few minutes and one hex key.",
        "Suitable for city, touring and most electric bikes.",
        "Made by riders who are out in every season.",
    ),
    kinds=(
        Kind(
            nouns={
                "pannier": "carrying a laptop and groceries",
                "handlebar bag": "keeping snacks and a camera at hand",
                "saddle bag": "stowing a tube, levers and a multi-tool",
                "frame bag": "packing heavy things low and central",
            },
            materials=("polyester", "recycled nylon", "waxed canvas"),
            sizes=("small", "medium", "large"),
            price=(19, 145),
            features=(
                "a mount that clicks on and off with one hand",
                "reflective panels on both sides",
                "a roll-top closure",
                "a stiffened back that does not sway",
            ),
        ),
        Kind(
            nouns={
                "front light": "seeing potholes on unlit lanes",
                "rear light": "being noticed in heavy traffic",
                "helmet light": "looking into bends before you turn",
            },
            materials=("recycled plastic", "aluminium"),
            sizes=("100 lumen", "400 lumen", "900 lumen"),
            price=(14, 119),
            features=(
                "a battery indicator with four steps",
                "a rubber strap that fits any bar",
                "USB-C charging behind a sealed cap",
                "a daytime flash mode",
            ),
        ),
        Kind(
            nouns={
                "handlebar grip": "absorbing buzz from rough roads",
                "bar tape roll": "refreshing a tired cockpit",
            },
            materials=("synthetic rubber", "cork", "leather"),
            colours=("black", "honey brown", "olive", "white"),
            price=(12, 64),
            features=(
                "a thickness that takes the sting out of cobbles",
                "a texture that works in the wet",
                "ends that are neatly finished",
                "stitching that will not rub",
            ),
        ),
        Kind(
            nouns={
                "touring saddle": "riding all day without pressure points",
                "city saddle": "sitting upright in everyday clothes",
                "racing saddle": "holding a low position for hours",
            },
            materials=("microfibre", "synthetic rubber", "leather"),
            colours=("black", "honey brown", "olive"),
            price=(29, 149),
            features=(
                "a shape developed with a physiotherapist",
                "rails that fit every common seatpost",
                "a central channel that relieves pressure",
                "loops for a small bag",
            ),
        ),
    ),
)
