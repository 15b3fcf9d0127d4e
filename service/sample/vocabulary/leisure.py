from service.sample.vocabulary.shape import Category, Kind

AUDIO = Category(
    slug="audio",
    weight=6,
    places=(
        "on a crowded sideboard",
        "in a converted garage",
        "in a kitchen full of people",
        "on a long flight",
    ),
    closers=(
        "Set-up takes a minute and needs no account.",
        "Spare parts are available for ten years.",
        "Careful listening tests shaped every revision.",
    ),
    kinds=(
        Kind(
            nouns={
                "bookshelf speaker": "hearing records the way they were mixed",
                "portable speaker": "taking music out to the garden",
                "soundbar": "following quiet dialogue in films",
                "radio": "waking up to the morning news",
            },
            materials=("recycled plastic", "bamboo", "walnut"),
            colours=("black", "white", "sand", "petrol blue"),
            price=(39, 540),
            features=(
                "Bluetooth and a line input",
                "controls you can find in the dark",
                "a fabric grille that comes off for cleaning",
                "a tuned port for deeper bass",
            ),
        ),
        Kind(
            nouns={
                "over-ear headset": "blocking out a noisy office",
                "on-ear headset": "commuting with podcasts",
                "studio headset": "editing speech and mixing tracks",
                "gaming headset": "talking to teammates without echo",
            },
            materials=("recycled plastic", "aluminium", "leather-trimmed"),
            colours=("black", "silver", "cream", "navy"),
            price=(29, 380),
            features=(
                "ear pads that can be replaced",
                "a detachable cable",
                "thirty hours of battery life",
                "a hinge that folds flat",
            ),
        ),
        Kind(
            nouns={
                "turntable": "rediscovering a record collection",
                "headphone amplifier": "driving demanding cans with ease",
                "phono preamp": "getting more detail from vinyl",
                "streaming player": "adding online music to an old hi-fi",
            },
            materials=("powder-coated steel", "aluminium", "walnut"),
            sizes=("entry", "classic", "reference"),
            price=(79, 890),
            features=(
                "gold-plated sockets",
                "a power supply kept apart from the signal",
                "damped feet that absorb vibration",
                "a switch that clicks with satisfying weight",
            ),
        ),
    ),
)

FITNESS = Category(
    slug="fitness",
    weight=6,
    places=("in a spare room", "in a small gym", "on a park lawn", "next to the sofa"),
    closers=(
        "A printed guide with ten exercises is in the box.",
        "Beginners can start gently and add difficulty week by week.",
        "Ten minutes a day is enough to feel a difference.",
    ),
    kinds=(
        Kind(
            nouns={
                "yoga mat": "practising on hard floors",
                "exercise mat": "stretching after a run",
                "balance pad": "strengthening ankles after an injury",
                "yoga block": "easing into deeper poses",
            },
            materials=("recycled foam", "natural rubber", "cork"),
            colours=("sage green", "slate grey", "plum", "ocean blue"),
            price=(14, 98),
            features=(
                "a surface that grips when damp",
                "cushioning that protects joints",
                "edges that stay flat",
                "a material free of strong odours",
            ),
        ),
        Kind(
            nouns={
                "kettlebell": "training the whole body with one weight",
                "dumbbell": "building arms and shoulders",
                "weight plate": "loading a barbell in fine steps",
            },
            materials=("vinyl-coated", "rubber-coated", "cast iron"),
            sizes=("4 kg", "8 kg", "12 kg", "16 kg"),
            price=(12, 92),
            features=(
                "a size marking that does not rub off",
                "a finish that is kind to floors",
                "a tolerance of less than two per cent",
                "a surface that takes chalk well",
            ),
        ),
        Kind(
            nouns={
                "resistance band": "adding load to squats and rows",
                "loop band": "waking up hips and shoulders",
                "stretching strap": "reaching a little further every week",
            },
            materials=("synthetic rubber", "natural latex"),
            sizes=("light", "medium", "strong"),
            price=(9, 76),
            features=(
                "a carry pouch",
                "parts that can be replaced singly",
                "comfortable contact with bare skin",
                "colour coding by strength",
            ),
        ),
        Kind(
            nouns={
                "massage roller": "loosening tight calves and backs",
                "massage ball": "finding knots between the shoulder blades",
                "balance board": "training posture while you watch a film",
            },
            materials=("recycled foam", "cork", "beech"),
            sizes=("small", "medium", "large"),
            price=(12, 79),
            features=(
                "a surface that is comfortable on bare skin",
                "a core that carries 150 kg",
                "a finish that wipes clean",
                "a drawstring bag",
            ),
        ),
    ),
)

TRAVEL = Category(
    slug="travel",
    weight=6,
    places=("on a long train journey", "in an overhead locker", "on a short city break", "in a hotel room"),
    closers=(
        "Keep it ready and the next trip starts sooner.",
        "Ours has been through more airports than we can count.",
        "A welcome leaving present for someone about to see the world.",
    ),
    kinds=(
        Kind(
            nouns={
                "holdall": "packing for three or four days",
                "weekend bag": "leaving straight from the office",
                "cabin backpack": "skipping the luggage carousel",
                "garment bag": "arriving with an uncreased suit",
            },
            materials=("recycled nylon", "cotton canvas", "waxed canvas", "leather"),
            colours=("black", "navy", "olive", "tan", "slate grey"),
            price=(49, 390),
            features=(
                "a sleeve that slides over a trolley handle",
                "a padded compartment for a computer",
                "metal zips that run smoothly",
                "a shoulder strap that can be removed",
            ),
        ),
        Kind(
            nouns={
                "wash bag": "keeping toiletries upright and contained",
                "packing cube": "separating clean clothes from worn ones",
                "shoe bag": "protecting shirts from dusty soles",
                "cable pouch": "ending the tangle of chargers",
            },
            materials=("polyester", "recycled nylon", "waxed canvas"),
            sizes=("small", "medium", "large"),
            price=(9, 62),
            features=(
                "a lining that wipes clean",
                "a grab handle at one end",
                "mesh panels that show what is inside",
                "a two-way zip",
            ),
        ),
        Kind(
            nouns={
                "passport wallet": "carrying documents and a boarding card",
                "luggage tag": "spotting your suitcase at once",
                "card holder": "travelling light with the essentials",
                "key organiser": "stopping a bunch of metal from rattling",
            },
            materials=("cork", "recycled leather", "leather"),
            colours=("black", "tan", "forest green", "burgundy"),
            price=(11, 84),
            features=(
                "painted edges that will not fray",
                "a lining that blocks card readers",
                "space for embossed initials",
                "stitching in a contrasting thread",
            ),
        ),
    ),
)
